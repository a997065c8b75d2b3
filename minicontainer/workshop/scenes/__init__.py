"""What the labs show: pictures and transcripts, made by the package's own code.

One module a lab (lab03.py for labs/03). Its names are what the expressions of
`{picture}` and `{transcript}` lines see, and a notebook knows it as `scenes`.
"""

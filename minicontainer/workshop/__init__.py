"""The workshop: learners write the steps of this package themselves.

labs/       lab.py: what a lab is (lab.toml, checks); exercises.py: an exercise is a function of
            a step; notebook_answers.py: the learner's, recognised by name; overlay.py: theirs
            in the place of ours; former.py: notebooks of an earlier edition; progress.py
grading/    checks.py: the words a check is written in; isolation.py: namespaces and limits around
            code that nobody has read; calls.py: what the learner's functions did; runner.py runs
            the checks, grader.py starts it; report.py
authoring/  page.py and generate.py: lab.md and the package -> the notebooks
samples/    small images for the checks and pages of several labs

The front doors, of which each leads to the grader: commands.py (`./workshop check`, hint, …),
notebook.py (check(f) in a cell; html.py), plugin.py (`pytest labs/03`). Others: doctor.py and
kernel.py (what can this machine do?), open_labs.py (JupyterLab). For what labs show:
scenes.py (labs/NN/scenes.py), stage.py (where commands are run), widgets.py.
"""

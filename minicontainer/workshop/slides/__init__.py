"""The slides of the talk: decks in Marp Markdown under slides/, one a step, in two languages.

deck.py       what a deck says: slides, speaker notes, minutes; what two languages must share
demos.py      the commands on them, run for real, and what they printed (storage.py: a registry's)
page.py       one HTML file that needs nothing else: `./workshop slides` without Node
build.py      the command `./workshop slides`; PDF too, where marp and Chromium are

The pictures on them are drawn by slides/scenes.py; slides/recording.py records docs/demo.cast.
"""

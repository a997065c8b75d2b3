"""The slides of the talk: decks in Marp Markdown in en/ and ko/, one a step, in two languages.

deck.py       what a deck says: slides, speaker notes, minutes; what two languages must share
scenes.py     the pictures on them, in pictures/
demos.py      the commands on them, run for real, and what they printed (storage.py: a registry's)
recording.py  docs/demo.cast: the live demo, recorded
page.py       one HTML file that needs nothing else: `./workshop slides` without Node
make.py       the command `./workshop slides`; PDF too, where marp and Chromium are

All this is of use in a checkout only, so the installed package goes without it.
"""

"""The slides of the talk: decks in Marp Markdown under slides/, one a step, in two languages.

deck.py     what a deck says: slides, speaker notes, minutes; what two languages must share
page.py     one HTML file that needs nothing else: `./workshop slides` without Node
storage.py  a registry's directories, written by ourselves
build.py    the command `./workshop slides`; PDF too, where marp and Chromium are

Beside the decks stand scenes.py, which draws their pictures, demos.py, which plays the commands
on them, and recording.py, which records docs/demo.cast.
"""

"""The workshop: learners write the steps of this package themselves.

Read in this order:
  lab.py        what a lab is: lab.toml and the checks of labs/NN/test_*.py
  exercises.py  an exercise is a function of a step, cut out of its module
  answers.py    the learner's functions, recognised by name in a notebook
  overlay.py    those functions in the place of the package's own
  checks.py     the words a check is written in: check, expect, outcome, apart
  isolation.py  namespaces and limits around code that nobody has read
  runner.py     the child that runs the checks; grader.py starts it
  report.py, plugin.py, notebook.py, cli.py    four ways to see the results
  progress.py   what was passed and which hints were read
  page.py, generate.py    lab.md and the package -> the notebooks
"""

"""The commands of `./workshop` that are about labs: check, next, status, hint, …

`python -m minicontainer.workshop COMMAND …`; the shell script passes them on.
"""

from __future__ import annotations

import argparse
import difflib
import sys
import time
from collections.abc import Callable

from minicontainer.errors import MinicontainerError

from .authoring import generate
from .grading.grader import grade
from .grading.report import report
from .labs import exercises
from .labs.lab import Exercise, Lab, LabError, answers_directory, find_lab, find_labs, find_root
from .labs.notebook_answers import MISSING, Answers, saved_answers
from .labs.notebook_files import read, save, to_text, write
from .labs.progress import Progress, kept_directory
from .labs.renewal import Renewal
from .notebook import next_hint


def run(arguments: list[str]) -> int:
    """Run one command; its exit status. Raises MinicontainerError."""
    options = _parser().parse_args(arguments)
    return options.run(options)


_HELP = {
    "exercises*": "only these; without them, all",
    "lab?": "without it: all, or the one last worked on",
    "exercise?": "without it: the whole notebook",
    "number?": "which hint, 1 to 3; without it, the next one",
}


def _parser() -> argparse.ArgumentParser:
    """For each command its arguments: NAME, NAME? where it may be left out, NAME* for several."""
    parser = argparse.ArgumentParser(prog="workshop", description="the labs, from the terminal")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, run, arguments, text in (
        ("check", check, "lab exercises*", "grade the saved notebook of a lab"),
        ("watch", watch, "lab? exercises*", "grade a lab, or whatever is saved, at each save"),
        ("next", say_next, "lab?", "say what to do next"),
        ("status", status, "", "show how far you are in every lab"),
        ("hint", hint, "lab exercise number?", "show a hint"),
        ("reset", reset, "lab exercise?", "bring the first text back; yours is kept"),
        ("solution", solution, "lab exercise", "show the package's own function"),
        ("diff", diff, "lab exercise", "compare your function with the package's"),
        ("mend", mend, "lab?", "replace blanks that Python does not take"),
        ("update", update, "lab?", "renew the text of notebooks; what you wrote stays"),
    ):
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(run=run)
        for argument in arguments.split():
            word = argument.rstrip("?*")
            kind = int if word == "number" else str
            how_many = argument[len(word) :] or None
            made.add_argument(word, nargs=how_many, type=kind, help=_HELP.get(argument))
    return parser


def check(options: argparse.Namespace) -> int:
    """Grade the saved notebook; 0 when everything passes."""
    lab = find_lab(options.lab)
    answers = saved_answers(lab)
    names = [lab.exercise(name).name for name in options.exercises]
    return 0 if _graded(lab, answers, names or lab.names) else 1


def _graded(lab: Lab, answers: Answers, names: list[str]) -> bool:
    """Report on these exercises, and record it: do they pass?"""
    checks = [check for check in lab.checks if check.exercise in names]
    results = list(grade(lab, answers, checks))
    print(report(lab, answers, results))
    Progress(lab.root).record(lab, results)
    return all(result.settled for result in results)


def watch(options: argparse.Namespace) -> int:
    """Grade again after each save, until Ctrl-C; without a lab, whichever notebook is saved."""
    labs = [find_lab(options.lab)] if options.lab else find_labs()
    begun = labs[0].id if options.lab else Progress(find_root()).last_lab or labs[0].id
    saved = {lab.id: _saved_at(lab) for lab in labs if lab.id != begun}
    graded: dict[str, Answers] = {}
    while True:
        for lab in labs:
            if saved.get(lab.id) == (now := _saved_at(lab)):
                continue
            saved[lab.id] = now
            print("\033[2J\033[H" if sys.stdout.isatty() else "", end="")
            try:
                if options.lab:
                    check(options)
                else:
                    graded[lab.id] = _worked_on(lab, graded.get(lab.id))
            except MinicontainerError as error:  # half a file, as some editors save it
                print(error)
            print("\nwatching: save a notebook to check it again, Ctrl-C to stop", flush=True)
        time.sleep(0.3)


def _saved_at(lab: Lab) -> int:
    try:
        return lab.notebook_path(answers_directory()).stat().st_mtime_ns
    except OSError:
        return 0


def _worked_on(lab: Lab, before: Answers | None) -> Answers:
    """Grade what has changed since `before`, and go on with what is to be done while it passes."""
    answers, store = saved_answers(lab), Progress(lab.root)
    was = before.functions if before else answers.functions
    changed = [name for name in lab.names if answers.functions[name].source != was[name].source]
    to_do = [n for n in lab.names if n not in changed and store.standing(lab, n).sign != "✓"]
    if not changed or _graded(lab, answers, changed):
        all(_graded(lab, answers, [name]) for name in to_do)  # up to the first that fails
    say_next(argparse.Namespace(lab=lab.id))
    return answers


def say_next(options: argparse.Namespace) -> int:
    """The first exercise that has not passed: of the lab last worked on, then of those after it."""
    labs = find_labs()
    store = Progress(find_root())
    first = find_lab(options.lab).id if options.lab else store.last_lab
    for lab in sorted(labs, key=lambda lab: (lab.id < first, lab.id)):
        for exercise in lab.exercises:
            standing = store.standing(lab, exercise.name)
            if standing.sign != "✓" and not standing.ungraded:
                print(f"next: {exercise.title} in labs/{lab.id}/{lab.notebook}")
                print(f"      about {exercise.minutes} minutes; then ./workshop check {lab.id}")
                return 0
    print("All labs are done. Well done!")
    return 0


def status(_: argparse.Namespace) -> int:
    """A line a lab, and the exercises of labs that are begun."""
    for lab in find_labs():
        store = Progress(lab.root)
        standings = {exercise: store.standing(lab, exercise.name) for exercise in lab.exercises}
        got = sum(standing.points for standing in standings.values())
        print(f"lab {lab.id}  {lab.title:<24} {got:>3} / {lab.points()} points")
        if not any(s.sign != "○" or s.ungraded for s in standings.values()):
            continue
        for exercise, (sign, points, hints, ungraded) in standings.items():
            score = f"{points:>2}/{lab.points(exercise.name)}{'   ungraded' if ungraded else ''}"
            read = f"   {hints} hint{'s' if hints > 1 else ''} read" if hints else ""
            print(f"  {sign} {exercise.title:<25} {score}{read}")
    print("as last graded; ./workshop check NN grades what you have saved since")
    return 0


def hint(options: argparse.Namespace) -> int:
    """A hint, and that there are more."""
    lab, exercise = _exercise(options)
    way = f"./workshop hint {lab.id} {{}} {{}}"
    print(next_hint(lab, exercise, Progress(lab.root), options.number or 0, way))
    return 0


def _exercise(options: argparse.Namespace) -> tuple[Lab, Exercise]:
    lab = find_lab(options.lab)
    return lab, lab.exercise(options.exercise)


def solution(options: argparse.Namespace) -> int:
    """The reference function, once it passes or when asked for twice."""
    lab, exercise = _exercise(options)
    if refusal := Progress(lab.root).asked_to_show(lab, exercise.name):
        print(refusal)
        return 1
    print(exercises.solution(exercise))
    return 0


def diff(options: argparse.Namespace) -> int:
    """What differs between the learner's function and the package's."""
    lab, exercise = _exercise(options)
    answer = saved_answers(lab).functions[exercise.name]
    if answer.state == MISSING:
        raise LabError(f"there is no {exercise.name}", lab.notebook)
    if refusal := Progress(lab.root).asked_to_show(lab, exercise.name):
        print(refusal)
        return 1
    mine, ours = answer.source.splitlines(), exercises.solution(exercise).splitlines()[1:]
    print("\n".join(difflib.unified_diff(mine, ours, "yours", "the package's", lineterm="", n=99)))
    return 0


def reset(options: argparse.Namespace) -> int:
    """Put the stub of one exercise back, or the whole notebook; keep what was there."""
    lab = find_lab(options.lab)
    if options.exercise is None:
        _renew(lab, lab.id, f"{lab.notebook} has its first text")
    else:
        name = lab.exercise(options.exercise).name
        _renew(lab, name, f"{name} has its first text", lambda new, old: new.put_back(old, name))
    return 0


def update(options: argparse.Namespace) -> int:
    """Renew the text of one notebook, or of all; what the learner wrote stays at its place."""
    return _renew_each(options.lab, "update", "is up to date", Renewal.merged)


def mend(options: argparse.Namespace) -> int:
    """Replace blanks and marks that come from web pages, and that Python refuses."""
    return _renew_each(options.lab, "mend", "has blanks that Python takes", Renewal.mended)


def _renew_each(number: str | None, name: str, done: str, change: Callable) -> int:
    """Change one notebook, or all; 1 when one could not be."""
    status = 0
    for lab in [find_lab(number)] if number else find_labs():
        try:
            _renew(lab, name, f"{lab.notebook} {done}", change)
        except LabError as error:
            print(f"workshop: {error}", file=sys.stderr)
            status = 1
    return status


def _renew(lab: Lab, name: str, done: str, change: Callable | None = None) -> None:
    """Change the cells of a notebook, or begin it anew; what was there is kept under `name`."""
    path, fresh = lab.notebook_path("labs"), generate.learners(lab)
    renewal = Renewal(lab, fresh["cells"])
    there = path.exists()
    if change and there:
        mine = read(path)
        made = change(renewal, mine["cells"])
        if made == mine["cells"]:
            print(f"{done} already; nothing is changed")
            return
    directory, number = kept_directory(lab.root), 1
    while (kept := directory / f"{lab.id}-{name}-{number}.ipynb").exists():
        number += 1
    if there:
        save(kept, path.read_bytes())
    if change and there:
        write(path, {**mine, "cells": made})
    else:
        save(path, to_text(fresh))
    print("\n  ".join([f"{done} again", *renewal.remarks]))
    if there:
        print("if the notebook is open, reload it from disk")
        print(f"what was there is kept in {kept}")

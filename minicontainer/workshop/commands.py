"""The commands of `./workshop` that are about labs: check, next, status, hint, …

`python -m minicontainer.workshop COMMAND …`; the shell script passes them on.
"""

from __future__ import annotations

import argparse
import difflib
import sys
import time
from pathlib import Path

from minicontainer.errors import MinicontainerError
from minicontainer.workshop.grading.grader import grade
from minicontainer.workshop.grading.report import report
from minicontainer.workshop.labs.lab import (
    Exercise,
    Lab,
    LabError,
    answers_directory,
    find_lab,
    find_labs,
    find_root,
)
from minicontainer.workshop.labs.notebook_answers import MISSING, Answers, saved_answers
from minicontainer.workshop.labs.notebook_files import read, save, to_text, write
from minicontainer.workshop.labs.progress import Progress, kept_directory
from minicontainer.workshop.labs.renewal import Renewal

from .authoring import generate
from .labs import exercises
from .notebook import next_hint

_HINT_HELP = "which hint, 1 to 3; without it, the next one"


def run(arguments: list[str]) -> int:
    """Run one command; its exit status. Raises MinicontainerError."""
    options = _parser().parse_args(arguments)
    return options.run(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="workshop", description="the labs, from the terminal")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, run, text: str, *arguments: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        for argument in arguments:
            made.add_argument(argument)
        made.set_defaults(run=run)
        return made

    check_parser = command("check", check, "grade the saved notebook of a lab", "lab")
    watch_parser = command("watch", watch, "grade a notebook each time it is saved")
    watch_parser.add_argument(
        "lab", nargs="?", help="without it: whatever is saved, exercise by exercise"
    )
    for grader in (check_parser, watch_parser):
        grader.add_argument("exercises", nargs="*", help="only these; without them, all")
    next_parser = command("next", say_next, "say what to do next")
    next_parser.add_argument("lab", nargs="?", help="without it: the lab last worked on")
    command("status", status, "show how far you are in every lab")
    hint_parser = command("hint", hint, "show a hint", "lab", "exercise")
    hint_parser.add_argument("number", nargs="?", type=int, default=0, help=_HINT_HELP)
    reset_parser = command("reset", reset, "bring the first text back; yours is kept", "lab")
    reset_parser.add_argument("exercise", nargs="?", help="without it: the whole notebook")
    command("solution", solution, "show the package's own function", "lab", "exercise")
    command("diff", diff, "compare your function with the package's", "lab", "exercise")
    update_parser = command("update", update, "renew a notebook's text; what you wrote stays")
    update_parser.add_argument("lab", nargs="?", help="without it: all notebooks")
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
    begun = options.lab or Progress(find_root()).last_lab or labs[0].id
    saved: dict[str, int] = {}
    read: dict[str, Answers] = {}
    while True:
        for lab in labs:
            now, before = _saved_at(lab), saved.get(lab.id)
            saved[lab.id] = now
            if now == before or (before is None and lab.id != begun.zfill(2)):
                continue
            print("\033[2J\033[H" if sys.stdout.isatty() else "", end="")
            try:
                if options.lab:
                    check(options)
                else:
                    read[lab.id] = _worked_on(lab, read.get(lab.id))
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
    to_do = [name for name in lab.names if name not in changed and not store.passed(lab, name)]
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
            if not (store.passed(lab, exercise.name) or store.ungraded(lab, exercise.name)):
                print(f"next: {exercise.number} {exercise.name} in labs/{lab.id}/{lab.notebook}")
                print(f"      about {exercise.minutes} minutes; then ./workshop check {lab.id}")
                return 0
    print("All labs are done. Well done!")
    return 0


def status(_: argparse.Namespace) -> int:
    """A line a lab, and the exercises of labs that are begun."""
    for lab in find_labs():
        store = Progress(lab.root)
        got = sum(store.points(lab, name) for name in lab.names)
        print(f"lab {lab.id}  {lab.title:<24} {got:>3} / {lab.points()} points")
        begun = any(store.sign(lab, n) != "○" or store.ungraded(lab, n) for n in lab.names)
        for exercise in lab.exercises if begun else []:
            hints = store.hints(lab, exercise.name)
            read = f"   {hints} hint{'s' if hints > 1 else ''} read" if hints else ""
            read = f"   ungraded{read}" if store.ungraded(lab, exercise.name) else read
            sign, title, points = store.standing(lab, exercise)
            print(f"  {sign} {title:<25} {points}{read}")
    print("as last graded; ./workshop check NN grades what you have saved since")
    return 0


def hint(options: argparse.Namespace) -> int:
    """A hint, and that there are more."""
    lab, exercise = _exercise(options)
    way = f"./workshop hint {lab.id} {{}} {{}}"
    print(next_hint(lab, exercise, Progress(lab.root), options.number, way))
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
    path = lab.notebook_path("labs")
    fresh = generate.learners(lab)
    if options.exercise is None or not path.exists():
        kept = _keep(lab, path, lab.id)
        save(path, to_text(fresh))
        print(f"{path.name} is as it was at first")
    else:
        name = lab.exercise(options.exercise).name
        mine = read(path)
        made = Renewal(lab, fresh["cells"]).put_back(mine["cells"], name)
        if made == mine["cells"]:
            print(f"{name} has its first text already; nothing is changed")
            return 0
        kept = _keep(lab, path, name)
        write(path, {**mine, "cells": made})
        print(f"{name} has its first text again")
        print("if the notebook is open, reload it from disk")
    if kept:
        print(f"what was there is kept in {kept}")
    return 0


def _keep(lab: Lab, path: Path, name: str) -> Path | None:
    """Copy the notebook at `path` away under a new name; None if there is none."""
    if not path.exists():
        return None
    directory, number = kept_directory(lab.root), 1
    while (kept := directory / f"{lab.id}-{name}-{number}.ipynb").exists():
        number += 1
    save(kept, path.read_bytes())
    return kept


def update(options: argparse.Namespace) -> int:
    """Renew the text of one notebook, or of all; what the learner wrote stays at its place."""
    status = 0
    for lab in [find_lab(options.lab)] if options.lab else find_labs():
        try:
            _update(lab, lab.notebook_path("labs"))
        except LabError as error:
            print(f"workshop: {error}", file=sys.stderr)
            status = 1
    return status


def _update(lab: Lab, path: Path) -> None:
    fresh = generate.learners(lab)
    if not path.exists():
        save(path, to_text(fresh))
        print(f"{path.name} is up to date")
        return
    renewal, mine = Renewal(lab, fresh["cells"]), read(path)
    made = renewal.merged(mine["cells"])
    if made == mine["cells"]:
        print(f"{path.name} is up to date already; nothing is changed")
        return
    kept = _keep(lab, path, "update")
    write(path, {**mine, "cells": made})
    print(f"{path.name} is up to date; the old one is kept in {kept}")
    for remark in renewal.remarks:
        print(f"  {remark}")

"""The commands of `./workshop` that are about labs: check, next, status, hint, …

`python -m minicontainer.workshop COMMAND …`; the shell script passes them on.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
import time
from pathlib import Path
from typing import Any

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
from minicontainer.workshop.labs.notebook_answers import MISSING, parse, renamed, saved_answers
from minicontainer.workshop.labs.progress import Progress, kept_directory

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

    graders = (
        command("check", check, "grade the saved notebook of a lab", "lab"),
        command("watch", watch, "grade a lab each time its notebook is saved", "lab"),
    )
    for grader in graders:
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
    command("update", update, "renew a notebook's text; your functions stay", "lab")
    return parser


def check(options: argparse.Namespace) -> int:
    """Grade the saved notebook; 0 when everything passes."""
    lab = find_lab(options.lab)
    answers = saved_answers(lab)
    wanted = [lab.exercise(name).name for name in options.exercises]
    checks = [check for check in lab.checks if check.exercise in wanted or not wanted]
    results = list(grade(lab, answers, checks))
    print(report(lab, answers, results))
    Progress(lab.root).record(lab, results)
    return 0 if all(result.settled for result in results) else 1


def watch(options: argparse.Namespace) -> int:
    """Grade again after each save, until Ctrl-C."""
    lab = find_lab(options.lab)
    path = lab.notebook_path(answers_directory())
    seen = None
    while True:
        now = path.stat().st_mtime_ns if path.exists() else None
        if now != seen:
            seen = now
            print("\033[2J\033[H" if sys.stdout.isatty() else "", end="")
            check(options)
            print(f"\nwatching {path.name}: save it to check again, Ctrl-C to stop", flush=True)
        time.sleep(0.3)


def say_next(options: argparse.Namespace) -> int:
    """The first exercise that has not passed: of the lab last worked on, then of those after it."""
    labs = find_labs()
    store = Progress(find_root())
    first = find_lab(options.lab).id if options.lab else store.last_lab
    for lab in sorted(labs, key=lambda lab: (lab.id < first, lab.id)):
        for exercise in lab.exercises:
            if not store.passed(lab, exercise.name):
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
        begun = any(store.sign(lab, name) != "○" for name in lab.names)
        for exercise in lab.exercises if begun else []:
            hints = store.hints(lab, exercise.name)
            read = f"   {hints} hint{'s' if hints > 1 else ''} read" if hints else ""
            sign, title, points = store.standing(lab, exercise)
            print(f"  {sign} {title:<25} {points}{read}")
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
    if options.exercise is None or not path.exists():
        kept = keep(lab, path, lab.id)
        generate.save(path, generate.to_text(generate.learners(lab)))
        print(f"{path.name} is as it was at first")
    else:
        exercise = lab.exercise(options.exercise)
        notebook = _todays(lab, path)
        before = [_source(cell) for cell in notebook["cells"]]
        put_back(notebook, generate.learners(lab), exercise)
        if [_source(cell) for cell in notebook["cells"]] == before:
            print(f"{exercise.name} has its first text already; nothing is changed")
            return 0
        kept = keep(lab, path, exercise.name)
        generate.save(path, generate.to_text(notebook))
        print(f"{exercise.name} has its first text again")
        print("if the notebook is open, reload it from disk")
    if kept:
        print(f"what was there is kept in {kept}")
    return 0


def keep(lab: Lab, path: Path, name: str) -> Path | None:
    """Copy the notebook at `path` away under a new name; None if there is none."""
    if not path.exists():
        return None
    directory = kept_directory(lab.root)
    directory.mkdir(parents=True, exist_ok=True)
    number = 1
    while (kept := directory / f"{lab.id}-{name}-{number}.ipynb").exists():
        number += 1
    kept.write_bytes(path.read_bytes())
    return kept


def put_back(notebook: dict[str, Any], fresh: dict[str, Any], exercise: Exercise) -> None:
    """Let `notebook` hold the exercise's stub once, at the place of its last definition.

    If there is none, after the cell that comes before the stub in `fresh`.
    """
    places = [n for n, cell in enumerate(notebook["cells"]) if _defines(cell, exercise.name)]
    at = next(n for n, cell in enumerate(fresh["cells"]) if _defines(cell, exercise.name))
    stub = fresh["cells"][at]
    if places:
        notebook["cells"][places[-1]] = stub
        for place in reversed(places[:-1]):
            del notebook["cells"][place]
        return
    before = [_source(cell) for cell in fresh["cells"][:at]]
    known = [n for n, cell in enumerate(notebook["cells"]) if _source(cell) in before]
    notebook["cells"].insert(known[-1] + 1 if known else len(notebook["cells"]), stub)


def _todays(lab: Lab, path: Path) -> dict[str, Any]:
    """The notebook at `path`, where what has another name today has it."""
    notebook = json.loads(path.read_text("utf-8-sig"))
    for cell in notebook["cells"]:
        lines = [cell["source"]] if isinstance(cell["source"], str) else cell["source"]
        cell["source"] = [renamed(line, lab.formerly) for line in lines]
    return notebook


def _source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"]).replace("\r\n", "\n").strip()


def _defines(cell: dict[str, Any], name: str) -> bool:
    if cell["cell_type"] != "code":
        return False
    tree = parse(_source(cell))
    if isinstance(tree, SyntaxError):
        return f"def {name}(" in _source(cell)
    return any(getattr(node, "name", "") == name for node in tree.body)


def update(options: argparse.Namespace) -> int:
    """Renew the notebook's prose and stubs; the learner's functions and own cells stay."""
    lab = find_lab(options.lab)
    path = lab.notebook_path("labs")
    fresh = generate.learners(lab)
    if path.exists():
        notebook = _todays(lab, path)
        merge(lab, fresh, notebook)
    renewed = generate.to_text(fresh)
    if path.exists() and path.read_text("utf-8") == renewed:
        print(f"{path.name} is up to date already; nothing is changed")
        return 0
    kept = keep(lab, path, "update")
    generate.save(path, renewed)
    print(f"{path.name} is up to date" + (f"; the old one is kept in {kept}" if kept else ""))
    return 0


def merge(lab: Lab, fresh: dict[str, Any], notebook: dict[str, Any]) -> None:
    """Put the cells of `notebook` that a learner wrote or added into `fresh`."""
    own = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    taken: list[dict[str, Any]] = []
    for name in saved_answers(lab, "labs").written():
        cell = [cell for cell in own if _defines(cell, name)][-1]
        at = next(n for n, made in enumerate(fresh["cells"]) if _defines(made, name))
        fresh["cells"][at] = {**fresh["cells"][at], "source": cell["source"]}
        taken.append(cell)
    known = {_source(cell) for cell in fresh["cells"]}
    for cell in own:
        given = cell in taken or any(_defines(cell, name) for name in lab.names)
        if not given and _source(cell) not in known and not _is_ours(cell):
            fresh["cells"].append(cell)


def _is_ours(cell: dict[str, Any]) -> bool:
    """A first cell, or one that is as some edition made it: then its id goes with its source."""
    source = _source(cell)
    ids = [generate.cell_id("code", source, same) for same in range(3)]
    return "workshop.notebook import begin" in source or cell.get("id") in ids

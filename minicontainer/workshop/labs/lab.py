"""What a lab is: a title, exercises with hints, checks with points.

In: labs/NN/lab.toml (title, minutes, exercises, misconceptions) and
labs/NN/test_NAME.py (the checks, read by `ast` and never imported here).
Out: `Lab`, `Exercise` and `Check` records for everything else in this room.
"""

from __future__ import annotations

import ast
import os
import sys
import tomllib
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from minicontainer.errors import MinicontainerError

#: names a directory of answers other than labs/, as the solution notebooks do.
ANSWERS_VARIABLE = "MINICONTAINER_ANSWERS"

#: of a function that was an exercise in an earlier edition
NO_MORE = "{} is no exercise any more; if you wrote it, it stays as a helper of your own"


class LabError(MinicontainerError):
    """A lab, an exercise or a notebook that is not there, or that cannot be read."""


class Exercise(NamedTuple):
    """A function of the package that learners write; texts come from lab.toml."""

    number: str  # "03.4"
    name: str
    module: str
    minutes: int
    spec: str
    hints: tuple[str, ...]

    @property
    def title(self) -> str:
        """What it is called in reports: "03.4 apply_layer"."""
        return f"{self.number} {self.name}"


class Misconception(NamedTuple):
    """A well-known wrong idea; a check that recognises it shows `hint`.

    `raises` names the exceptions by which it is recognised, if any: `KeyError`, or
    `KeyError: TEXT` if its message must hold TEXT; "Timeout" stands for a check
    that did not end, "None" for a function that gave nothing.
    """

    key: str
    exercise: str
    hint: str
    raises: Sequence[str] = ()


class Check(NamedTuple):
    """One test function of labs/NN/test_NAME.py."""

    exercise: str
    name: str
    title: str
    points: int
    file: str


class Lab:
    """The lab in `directory`, which is labs/NN."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.id = directory.name
        file = directory / "lab.toml"
        try:
            self._take(tomllib.loads(file.read_text("utf-8")))
        except OSError as error:
            raise LabError("this is not a lab: it has no lab.toml", str(directory)) from error
        except tomllib.TOMLDecodeError as error:
            raise LabError(str(error), str(file)) from error
        except (AttributeError, KeyError, TypeError) as error:
            what = f"something is missing or of the wrong kind: {error}"
            raise LabError(what, str(file)) from error

    def _take(self, facts: dict[str, Any]) -> None:
        self.title: str = facts["title"]
        self.minutes: int = facts["minutes"]
        self.notebook: str = facts["notebook"] + ".ipynb"
        self.elsewhere: str = facts.get("elsewhere", "")
        #: what notebooks of earlier editions call things -> what they are called now
        self.formerly: dict[str, str] = facts.get("formerly", {})
        #: what were exercises in earlier editions
        self.retired: list[str] = facts.get("retired", [])
        self.exercises = [
            Exercise(f"{self.id}.{number}", name, **{**given, "hints": tuple(given["hints"])})
            for number, (name, given) in enumerate(facts["exercise"].items(), 1)
        ]
        self.misconceptions = {
            key: Misconception(key, **given)
            for key, given in facts.get("misconception", {}).items()
        }

    @property
    def root(self) -> Path:
        """The checkout: the directory that holds labs/ and solutions/."""
        return self.directory.parent.parent

    def notebook_path(self, answers: str = "labs") -> Path:
        """The learner's notebook, or with `answers="solutions"` the solved one."""
        return self.root / answers / self.id / self.notebook

    @property
    def names(self) -> list[str]:
        """The exercises' names, in order."""
        return [exercise.name for exercise in self.exercises]

    def exercise(self, name: str) -> Exercise:
        """The exercise called `name`; raises LabError that lists the ones there are."""
        for exercise in self.exercises:
            if exercise.name == self.formerly.get(name, name):
                return exercise
        hint = f"It has: {', '.join(self.names)}"
        if name in self.retired:
            raise LabError(NO_MORE.format(name), f"lab {self.id}", hint)
        raise LabError(f"there is no exercise {name!r}", f"lab {self.id}", hint)

    @property
    def checks_file(self) -> Path:
        """Where the checks stand; a learner's own tests may stand beside it."""
        return self.directory / f"test_{Path(self.notebook).stem}.py"

    @cached_property
    def checks(self) -> list[Check]:
        """All checks, in the order of the exercises and then of the file."""
        found = _checks_in(self.checks_file)
        unknown = [check for check in found if check.exercise not in self.names]
        if unknown:
            raise LabError(f"no exercise {unknown[0].exercise!r} in lab.toml", unknown[0].file)
        return sorted(found, key=lambda check: self.names.index(check.exercise))

    def mistake_raising(
        self, exercise: str, kinds: Collection[str], message: str = "", seen: str | None = None
    ) -> str:
        """The misconception about `exercise` that is known by one of these exceptions; or "".

        Where `seen` is what the check takes it for, no other is known by a bare name.
        """
        for key in sorted(self.misconceptions, key=lambda key: key != seen):
            known = [said.partition(": ") for said in self.misconceptions[key].raises]
            if self.misconceptions[key].exercise == exercise and any(
                kind in kinds and words in message and (words or seen in (None, key))
                for kind, _, words in known
            ):
                return key
        return ""

    def points(self, exercise: str | None = None) -> int:
        """The points to be had in one exercise, or in the whole lab."""
        return sum(c.points for c in self.checks if exercise in (None, c.exercise))


def _checks_in(file: Path) -> list[Check]:
    """The functions of `file` under `@check("EXERCISE", points=N)`."""
    checks = []
    for node in ast.parse(file.read_text("utf-8"), str(file)).body:
        if not isinstance(node, ast.FunctionDef):
            continue
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and getattr(mark.func, "id", "") == "check":
                exercise = ast.literal_eval(mark.args[0])
                points = {k.arg: k.value for k in mark.keywords}["points"]
                title = (ast.get_docstring(node) or node.name).splitlines()[0].rstrip(".")
                number = ast.literal_eval(points)
                checks.append(Check(exercise, node.name, title, number, str(file)))
    return checks


def find_root(start: Path | None = None) -> Path:
    """The checkout around `start` (the current directory), else around this package.

    Raises LabError when neither holds any labs.
    """
    try:
        here = (start or Path.cwd()).resolve()
    except FileNotFoundError:  # somebody has removed it
        here = Path(__file__).resolve()
    for directory in (here, *here.parents, Path(__file__).resolve().parents[3]):
        if any(directory.glob("labs/[0-9][0-9]/lab.toml")):
            return directory
    raise LabError(
        "no labs here", str(here), "Change into the directory you cloned, and try again."
    )


def find_labs(start: Path | None = None) -> list[Lab]:
    """Every lab of the checkout, in order; one that cannot be read is told of, and left out."""
    labs = []
    for directory in _directories(start):
        try:
            labs.append(Lab(directory))
        except LabError as error:
            print(f"lab {directory.name} is left out: {error}", file=sys.stderr)
    return labs


def _directories(start: Path | None) -> list[Path]:
    return [toml.parent for toml in sorted(find_root(start).glob("labs/[0-9][0-9]/lab.toml"))]


def find_lab(number: str, start: Path | None = None) -> Lab:
    """The lab called "03" (or "3"); raises LabError that lists the labs there are."""
    directories = _directories(start)
    for directory in directories:
        if directory.name == number.zfill(2):
            return Lab(directory)
    known = ", ".join(directory.name for directory in directories)
    raise LabError(f"there is no lab {number!r}", "", f"There are: {known}")


def answers_directory() -> str:
    """Where answers are read from: "labs", or what the environment names."""
    return os.environ.get(ANSWERS_VARIABLE, "labs")

"""Wrong answers, one for each misconception: what a learner might write who has it.

Most are rows of tests/wrong/NN.toml, the reference with a change:
`[EXERCISE.KEY]`, `replace` (stands exactly once in the reference's body) and
`with`; `[[EXERCISE.KEY]]` for each of several changes. The others stand in
tests/wrong/NN.py as a learner's cell would, below a line `# %% EXERCISE: KEY`.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import NamedTuple

from minicontainer.workshop.labs import exercises
from minicontainer.workshop.labs.lab import Lab

_DIRECTORY = Path(__file__).resolve().parents[1] / "wrong"
_CELL = re.compile(r"^# %% (\w+): ([\w-]+)\n", re.MULTILINE)


class Wrong(NamedTuple):
    """A wrong answer: a whole cell, or changes of the reference (pairs of old and new text)."""

    lab: Lab
    exercise: str
    key: str
    cell: str = ""
    changes: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.lab.id}-{self.exercise}-{self.key}"

    @property
    def source(self) -> str:
        """The answer as a cell; raises ValueError when a change does not fit the reference."""
        if not self.changes:
            return self.cell
        head, body = exercises.cut(self.lab.exercise(self.exercise))
        body += "\n"
        for old, new in self.changes:
            if (times := body.count(old)) != 1:
                raise ValueError(
                    f"tests/wrong/{self.lab.id}.toml, [{self.exercise}.{self.key}]: `replace` must"
                    f" stand once in the body of {self.exercise}, but stands there {times} times:"
                    f"\n{old}\nThe body is:\n{body}"
                )
            body = body.replace(old, new)
        return f"{head}\n{body}"


def wrong_answer(lab: Lab, key: str) -> Wrong:
    """The one for the misconception `key`."""
    return next(wrong for wrong in read_wrong(lab) if wrong.key == key)


def read_wrong(lab: Lab) -> list[Wrong]:
    """The wrong answers of `lab`: first the rows, then the cells."""
    table = tomllib.loads((_DIRECTORY / f"{lab.id}.toml").read_text("utf-8"))
    rows = [
        Wrong(lab, exercise, key, changes=_changes(row))
        for exercise, answers in table.items()
        for key, row in answers.items()
    ]
    _, *parts = _CELL.split((_DIRECTORY / f"{lab.id}.py").read_text("utf-8"))
    cells = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    return rows + [Wrong(lab, exercise, key, cell=cell) for exercise, key, cell in cells]


def _changes(row: dict | list[dict]) -> tuple[tuple[str, str], ...]:
    return tuple((one["replace"], one["with"]) for one in ([row] if isinstance(row, dict) else row))

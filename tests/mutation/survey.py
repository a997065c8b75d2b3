"""Which mutants do the checks kill? `survey(exercise)` grades them all.

Survivors that are as right as the reference stand in tests/wrong/survivors.toml, with the
reason: `[[EXERCISE]]`, `change` (the lines that differ, as `python -m tests.mutation` prints
them) and `why`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from minicontainer.workshop.labs import exercises
from minicontainer.workshop.labs.lab import Exercise, Lab
from tests.workshop.warm import first_failures

from .mutants import change, mutants, text

_SURVIVORS = Path(__file__).resolve().parents[1] / "wrong" / "survivors.toml"


class Survey(NamedTuple):
    """What came of an exercise's mutants, each by what it changes."""

    exercise: str
    killed: dict[str, dict]
    survived: list[str]
    equivalent: list[str]

    @property
    def share(self) -> float:
        """How many of those that are wrong were killed, of 1."""
        return len(self.killed) / (len(self.killed) + len(self.survived))

    @property
    def ill_told(self) -> list[str]:
        """Those that the checks blamed on themselves."""
        return [said for said, came in self.killed.items() if came["outcome"] == "error"]


def equivalents() -> dict[str, dict[str, str]]:
    """For each exercise the changes that leave it right, and why."""
    table = tomllib.loads(_SURVIVORS.read_text("utf-8"))
    return {name: {_plain(r["change"]): r["why"] for r in rows} for name, rows in table.items()}


def _plain(said: str) -> str:
    """A change as it is told by every Python: which quotes stand in an f-string is its choice."""
    return said.strip("\n").replace('"', "'")


def sources_of(exercise: Exercise) -> dict[str, str]:
    """The exercise's mutants by what they change."""
    reference = exercises.solution(exercise)
    sources: dict[str, str] = {}
    for mutant in mutants(reference):
        said = _plain(change(text(reference), mutant))
        while said in sources:  # the same line stands there twice
            said += "\n# and in another place"
        sources[said] = mutant
    return sources


def survey(
    lab: Lab,
    exercise: Exercise,
    chosen: Callable[[str], bool] = lambda said: True,
    again: bool = False,
) -> Survey:
    """Grade the exercise's mutants, or those `chosen` by what they change.

    Those known to be as right as the reference only `again`, if asked.
    """
    known = equivalents().get(exercise.name, {})
    sources = sources_of(exercise)
    asked = {s: m for s, m in sources.items() if chosen(s) and (again or s not in known)}
    job = {"lab": str(lab.directory), "exercise": exercise.name, "answers": asked, "cpu": 1}
    came = first_failures(job)
    killed = {said: one for said, one in came.items() if one["outcome"] != "passed"}
    survived = [said for said in came if said not in killed and said not in known]
    return Survey(exercise.name, killed, survived, [said for said in known if said in sources])

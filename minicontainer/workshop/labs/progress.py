"""What a learner has passed, and which hints were read; survives restarts.

One JSON file, `.workshop/progress.json` in the checkout, or under
$XDG_STATE_HOME where the checkout may not be written. Replaced whole.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from minicontainer.lib.files import write_whole
from minicontainer.workshop.grading.grader import NOT_STARTED, Result

from .lab import Exercise, Lab

#: the key of what was last worked on, among those of exercises
_LAST = "last"


class Progress:
    """The progress of one checkout; with `lasting=False`, of this process only."""

    def __init__(self, root: Path, lasting: bool = True) -> None:
        self.file = _directory(root) / "progress.json"
        self.lasting = lasting
        self.exercises: dict[str, dict] = {}
        if lasting:
            with contextlib.suppress(OSError, ValueError):
                self.exercises = json.loads(self.file.read_text("utf-8"))

    def _entry(self, lab: Lab, exercise: str) -> dict:
        empty = {"passed": [], "hints": 0, "asked": 0}
        return self.exercises.setdefault(f"{lab.id}/{exercise}", empty)

    def record(self, lab: Lab, results: Iterable[Result]) -> None:
        """Remember which checks passed just now, which no longer do, and what was tried."""
        for result in (result for result in results if result.outcome != "not graded"):
            entry = self._entry(lab, result.check.exercise)
            entry["tried"] = result.outcome not in NOT_STARTED
            if entry["tried"]:
                self.exercises[_LAST] = {"lab": lab.id}
            passed: list[str] = entry["passed"]
            if result.passed and result.check.name not in passed:
                passed.append(result.check.name)
            elif not result.passed and result.check.name in passed:
                passed.remove(result.check.name)
        self._save()

    def passed(self, lab: Lab, exercise: str) -> bool:
        """Did every check of the exercise pass when it was last run?"""
        wanted = {check.name for check in lab.checks if check.exercise == exercise}
        return wanted <= set(self._entry(lab, exercise)["passed"])

    def sign(self, lab: Lab, exercise: str) -> str:
        """✓ passed, ✗ tried, ○ not started: as `check` shows it."""
        if self.passed(lab, exercise):
            return "✓"
        entry = self._entry(lab, exercise)
        return "✗" if entry["passed"] or entry.get("tried") else "○"

    @property
    def last_lab(self) -> str:
        """The number of the lab that was last worked on; "" for none."""
        return self.exercises.get(_LAST, {}).get("lab", "")

    def points(self, lab: Lab, exercise: str) -> int:
        """The points of the checks that passed when they were last run."""
        names = self._entry(lab, exercise)["passed"]
        return sum(c.points for c in lab.checks if c.exercise == exercise and c.name in names)

    def hint_read(self, lab: Lab, exercise: str, number: int) -> None:
        """Remember that hint `number` was read."""
        entry = self._entry(lab, exercise)
        entry["hints"] = max(entry["hints"], number)
        self._save()

    def hints(self, lab: Lab, exercise: str) -> int:
        """The highest hint read so far; 0 for none."""
        return self._entry(lab, exercise)["hints"]

    def standing(self, lab: Lab, exercise: Exercise) -> tuple[str, str, str]:
        """How far the exercise is: its sign, its title, the points it has of those it could."""
        points = f"{self.points(lab, exercise.name):>2}/{lab.points(exercise.name)}"
        return self.sign(lab, exercise.name), f"{exercise.number} {exercise.name}", points

    def asked_to_show(self, lab: Lab, exercise: str) -> str:
        """Why not to show the solution yet; "" after passing, or when asked for a second time."""
        entry = self._entry(lab, exercise)
        entry["asked"] += 1
        self._save()
        if entry["asked"] > 1 or self.passed(lab, exercise):
            return ""
        return f"{exercise} does not pass yet. Ask again to see the solution all the same."

    def _save(self) -> None:
        if not self.lasting:
            return
        with contextlib.suppress(OSError):  # a full disk must not keep anyone from being graded
            self.file.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(self.exercises, indent=1, sort_keys=True)
            write_whole(self.file, text.encode(), mode=0o600)


def kept_directory(root: Path) -> Path:
    """Where `reset` puts what it replaces."""
    return _directory(root) / "kept"


def _directory(root: Path) -> Path:
    directory = root / ".workshop"
    if directory.is_dir() or os.access(root, os.W_OK):
        return directory
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "minicontainer-workshop"

"""What a learner has passed, and which hints were read; survives restarts.

One JSON file, `.workshop/progress.json` in the checkout, or under $XDG_STATE_HOME where the
checkout may not be written. It is read anew, changed and replaced whole under a lock, so several
processes may use it at once. What hinders that is told, and keeps nobody from being graded.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from minicontainer.lib import shapes
from minicontainer.lib.locks import locked
from minicontainer.workshop.grading.grader import NOT_STARTED, Result

from .lab import Lab, LabError
from .notebook_files import hand_over, save

#: the key of what was last worked on, among those of exercises
_LAST = "last"
_EMPTY = {"passed": [], "hints": 0, "asked": 0}
_SHAPE = {shapes.NEEDED: list(_EMPTY), "passed": [str], "hints": int, "asked": int, "tried": bool,
          "ungraded": [str]}  # fmt: skip


class Standing(NamedTuple):
    """How far an exercise is: ✓ passed, ✗ tried, ○ not started or not to be graded; its points.

    hints: the highest one read so far. ungraded: all passed that can be graded on this
    machine, and that is not all.
    """

    sign: str
    points: int
    hints: int
    ungraded: bool


class Progress:
    """The progress of one checkout; with `lasting=False`, of this process only."""

    def __init__(self, root: Path, lasting: bool = True) -> None:
        self.file = _directory(root) / "progress.json"
        self.lasting = lasting
        self.trouble = ""
        self.exercises: dict[str, dict] = {}
        if lasting:
            with self._told():
                self._read()

    def _read(self) -> None:
        """Take what the file holds. Raises LabError, or OSError where it can't be read."""
        if not self.file.exists():
            return
        try:
            known = json.loads(self.file.read_text("utf-8"))
            shapes.check(known, {_LAST: {"lab": str}}, "", LabError)
            for key in known.keys() - {_LAST}:
                shapes.check(known[key], _SHAPE, key, LabError)
        except (ValueError, LabError) as error:
            what = f"this is no record of progress ({error})"
            raise LabError(what, str(self.file), "Move it away, and a new one is begun.") from None
        self.exercises = known

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Say in one sentence what went wrong within; once, if it stays the same."""
        before, self.trouble = self.trouble, ""
        try:
            yield
        except (OSError, LabError) as error:
            self.trouble = f"passes are not recorded: {error}"
            if self.trouble != before:
                print(self.trouble, file=sys.stderr)

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Within, `exercises` may be changed: nobody else does so, and it is written after."""
        if not self.lasting:
            yield
            return
        with contextlib.ExitStack() as held:
            with self._told():
                lock = self.file.with_suffix(".lock")
                held.enter_context(locked(lock))
                hand_over(lock.parent, lock)
                self._read()
            yield
            if not self.trouble:
                with self._told():
                    save(self.file, json.dumps(self.exercises, indent=1, sort_keys=True), 0o600)

    def _entry(self, lab: Lab, exercise: str) -> dict:
        return self.exercises.setdefault(f"{lab.id}/{exercise}", {**_EMPTY, "passed": []})

    def record(self, lab: Lab, results: Iterable[Result]) -> None:
        """Remember which checks passed just now, which no longer do, and what was tried."""
        with self._changing():
            for result in results:
                self._take(lab, result)

    def _take(self, lab: Lab, result: Result) -> None:
        entry = self._entry(lab, result.check.exercise)
        entry["tried"] = result.outcome not in NOT_STARTED
        if entry["tried"]:
            self.exercises[_LAST] = {"lab": lab.id}
        ungraded = result.outcome == "not graded"
        _keep(entry.setdefault("ungraded", []), result.check.name, ungraded)
        if not ungraded:
            _keep(entry["passed"], result.check.name, result.passed)

    def standing(self, lab: Lab, exercise: str) -> Standing:
        """How far the exercise is, by what came of its checks when they were last run."""
        entry = self._entry(lab, exercise)
        points = {c.name: c.points for c in lab.checks if c.exercise == exercise}
        passed, missed = points.keys() & entry["passed"], points.keys() - entry["passed"]
        ungraded = bool(missed) and missed <= set(entry.get("ungraded", []))
        tried = (entry["passed"] or entry.get("tried")) and not ungraded
        sign = "✗" if missed and tried else "○" if missed else "✓"
        return Standing(sign, sum(points[name] for name in passed), entry["hints"], ungraded)

    @property
    def last_lab(self) -> str:
        """The number of the lab that was last worked on; "" for none."""
        return self.exercises.get(_LAST, {}).get("lab", "")

    def hint_read(self, lab: Lab, exercise: str, number: int) -> None:
        """Remember that hint `number` was read."""
        with self._changing():
            entry = self._entry(lab, exercise)
            entry["hints"] = max(entry["hints"], number)

    def asked_to_show(self, lab: Lab, exercise: str) -> str:
        """Why not to show the solution yet; "" after passing, or when asked for a second time."""
        with self._changing():
            entry = self._entry(lab, exercise)
            entry["asked"] += 1
        if entry["asked"] > 1 or self.standing(lab, exercise).sign == "✓":
            return ""
        return f"{exercise} does not pass yet. Ask again to see the solution all the same."


def _keep(names: list[str], name: str, there: bool) -> None:
    """Let `name` be in the list, or not."""
    if there != (name in names):
        (names.append if there else names.remove)(name)


def kept_directory(root: Path) -> Path:
    """Where `reset` puts what it replaces."""
    return _directory(root) / "kept"


def _directory(root: Path) -> Path:
    directory = root / ".workshop"
    if directory.is_dir() or os.access(root, os.W_OK):
        return directory
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "minicontainer-workshop"

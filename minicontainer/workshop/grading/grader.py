"""Grades a notebook: which checks pass, and what to tell about the others.

In: a lab and the answers. Out: one `Result` a check, as soon as it is known.
The checks run in a child (runner.py), one for all of them; a check that kills
the child or does not end costs a new child, and the rest of its exercise.
"""

from __future__ import annotations

import builtins
import json
import os
import queue
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import IO, Any, NamedTuple

from minicontainer.lib.places import scratch_directory

from ..labs.lab import Check, Lab, LabError
from ..labs.notebook_answers import BROKEN, MISSING, STUB, Answers, read_cells
from .calls import Calls, slipped

#: seconds that a child may be silent: to start, and beyond a check's own time
_START, _GRACE = 30.0, 3.0
_STDERR = 20_000
_RAISED = " was raised: "
#: outcomes of an exercise that nobody has tried yet
NOT_STARTED = ("not started", "missing")


class Result(NamedTuple):
    """What came of one check.

    outcome: passed, failed, timeout, crashed, skipped (its exercise stopped the
    run), not started, missing, broken (syntax error), error (the check's own fault),
    not graded (this machine forbids what it needs: our own answer does not pass here either).
    """

    check: Check
    outcome: str
    story: str = ""
    expected: str = ""
    found: str = ""
    rule: str = ""
    mistake: str = ""
    where: tuple[str, ...] = ()
    printed: str = ""
    used: tuple[str, ...] = ()
    did: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return self.outcome == "passed"

    @property
    def settled(self) -> bool:
        """Is there nothing left for the learner to do, on this machine?"""
        return self.outcome in ("passed", "not graded")


#: what runs runner.py: a subprocess.Popen, or what has of it pid, its three files, kill and wait
Process = Any
#: starts one in a directory
Start = Callable[[str], Process]


def start_runner(scratch: str) -> Process:
    """Run runner.py in a fresh interpreter, in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "minicontainer.workshop.grading.runner"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=scratch,
        env=_environment(),
        start_new_session=True,
    )


def _environment() -> dict[str, str]:
    """Ours, but for what changes Python and languages: each machine's checks see the same."""
    kept = {k: v for k, v in os.environ.items() if k == "PYTHONPATH" or k[:6] != "PYTHON"}
    return kept | {"PYTHONUTF8": "1", "LC_ALL": "C.UTF-8"}


def grade(
    lab: Lab,
    answers: Answers,
    checks: Iterable[Check] | None = None,
    isolate: bool = True,
    start: Start = start_runner,
) -> Generator[Result]:
    """The results of `checks` (all of the lab's), those not written first.

    Without `isolate`, or where the machine has no namespaces, limits and the
    clock are all that the learner's code meets. `start` runs runner.py in a
    directory. Raises LabError where the lab can't be done on this machine.
    """
    if lab.elsewhere and sys.platform != "linux":
        raise LabError(lab.elsewhere, f"lab {lab.id}")
    waiting = list(lab.checks if checks is None else checks)
    for check in [c for c in waiting if answers.functions[c.exercise].state != "written"]:
        waiting.remove(check)
        yield _unwritten(check, answers)
    yield from _run(lab, answers, waiting, isolate, start)


def _run(
    lab: Lab, answers: Answers, waiting: list[Check], isolate: bool, start: Start
) -> Iterator[Result]:
    """The results of the checks `waiting`, in as many children as it takes."""
    while waiting:
        with _Child(lab, answers, waiting, isolate, start) as child:
            for result in child.results():
                waiting.remove(result.check)
                if answers.cells and not (child.apart or result.passed) and _refused(lab, result):
                    result = Result(result.check, "not graded")
                yield result
                if result.outcome in ("timeout", "crashed"):
                    found = f"not run after “{result.check.title}”"
                    for check in [c for c in waiting if c.exercise == result.check.exercise]:
                        waiting.remove(check)
                        yield Result(check, "skipped", found=found)
        isolate = child.isolate


def _refused(lab: Lab, result: Result) -> bool:
    """Does `result` fail by the machine, which forbids what isolates? Our answers are asked.

    Where ours meets an error, an answer that meets none, or a slip of its own, is wrong by itself.
    """
    if lab.id not in _OURS:
        nobodys = read_cells([], lab.names)
        results = _run(lab, nobodys, list(lab.checks), False, start_runner)
        _OURS[lab.id] = {one.check.name: one for one in results}
    ours = _OURS[lab.id][result.check.name]
    kind, raised, _ = result.found.partition(_RAISED)
    error = getattr(builtins, kind, Exception) if raised else Exception
    slip = slipped([one.__name__ for one in error.__mro__])
    return not (ours.passed or slip or (_RAISED in ours.found and not raised))


#: what came of each lab's checks with our answers, without what isolates
_OURS: dict[str, dict[str, Result]] = {}


def _unwritten(check: Check, answers: Answers) -> Result:
    answer = answers.functions[check.exercise]
    outcome = {STUB: "not started", MISSING: "missing", BROKEN: "broken"}[answer.state]
    return Result(check, outcome, found=answer.problem)


class _Child:
    """One run of runner.py, and what it says."""

    def __init__(
        self, lab: Lab, answers: Answers, checks: list[Check], isolate: bool, start: Start
    ) -> None:
        self.lab, self.answers, self.isolate = lab, answers, isolate
        self.checks = {check.name: check for check in checks}
        self.scratch = scratch_directory("workshop-")
        self.calls, self.apart = Calls(f"{self.scratch}/calls"), True
        self.token = secrets.token_hex()
        self.status: int | None = None
        self.process = start(self.scratch)
        self.lines: queue.Queue[str] = queue.Queue()
        self.stderr = _Tail(self.process.stderr)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def __enter__(self) -> _Child:
        job = {
            "lab": str(self.lab.directory.resolve()),
            "cells": self.answers.cells,
            "checks": list(self.checks),
            "scratch": self.scratch,
            "calls": self.calls.path,
            "hidden": str(self.lab.root.resolve() / "solutions"),
            "token": self.token,
            "isolate": self.isolate,
        }
        self.process.stdin.write(json.dumps(job).encode() + b"\n")
        self.process.stdin.flush()  # and it stays open as long as we live
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        self.stderr.text(_GRACE)  # at its end, all that had it open have ended too
        self.process.kill()
        self.process.wait()
        self.calls.memory.close()
        self.reader.join(_GRACE)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _read(self) -> None:
        with self.process.stdout as pipe:
            for line in pipe:
                if line.startswith(self.token.encode()):
                    self.lines.put(line.decode().removeprefix(self.token))
        self.lines.put("{}")

    def results(self) -> Iterator[Result]:
        """What the checks gave; ends early after a check that ended the child."""
        running: Check | None = None
        patience = _START
        progress = False
        while self.checks and (message := self._next(patience)):
            if "unisolated" in message:
                self.isolate = False
                return
            self.apart = message.get("ready", self.apart)
            if "start" in message:
                running, patience = self.checks[message["start"]], message["seconds"] + _GRACE
            elif "ended" in message:
                self.status = int(message["ended"])
            elif running and message.get("done") == running.name:
                progress = self.checks.pop(running.name) is running
                yield self._result(running, message)
                if message["outcome"] == "timeout":
                    return
                running = None
                patience = _START
        if running:
            yield self._died(running, silent=message is None)
        elif self.checks and not progress:
            raise RuntimeError(f"the checks could not be run:\n{self.stderr.text()}")

    def _next(self, patience: float) -> dict[str, Any] | None:
        """The next message; empty at the end, None when nothing comes for too long."""
        try:
            return json.loads(self.lines.get(timeout=patience))
        except queue.Empty:
            return None

    def _result(self, check: Check, message: dict[str, Any]) -> Result:
        if message["outcome"] == "timeout":
            return self._timeout(check, self.stderr.text())
        fields = {key: message[key] for key in message.keys() & {*Result._fields}}
        lists = {key: tuple(fields[key]) for key in fields.keys() & {"where", "used"}}
        return Result(check, **fields | lists)

    def _died(self, check: Check, silent: bool) -> Result:
        """Why the child ended, or is `silent`, in the middle of `check`."""
        if silent:
            self.process.kill()
        status, said = self.process.wait(), self.stderr.text()
        if slip := self.calls.slip:
            return self._stopped(check, "crashed", slip["found"], slip["where"])
        if silent or "Timeout (" in said:
            return self._timeout(check, said)
        found = _ending(status if self.status is None else self.status)
        return self._stopped(check, "crashed", found, self._where(said))

    def _timeout(self, check: Check, said: str) -> Result:
        mistake = self.lab.mistake_raising(check.exercise, {"Timeout"})
        return self._stopped(check, "timeout", "it did not end", self._where(said), mistake)

    def _stopped(
        self, check: Check, outcome: str, found: str, where: Iterable[str], mistake: str = ""
    ) -> Result:
        """What came of a check in whose middle the child ended, or had to be ended."""
        call, did = self.calls.last.get("call", ""), tuple(self.calls.did)
        where = tuple(where)
        return Result(check, outcome, call, "", found, "", mistake, where, did=did)

    def _where(self, said: str) -> list[str]:
        """The learner's lines in what faulthandler printed, outermost first."""
        sources = {cell.label: cell.source.split("\n") for cell in self.answers.cells}
        found = []
        for name, number in re.findall(r'File "(.+?)", line (\d+) in', said):
            if name in sources:
                line = sources[name][int(number) - 1].strip()
                found.append(f"{name}, line {number}: {line}")
        return found[::-1]


def _ending(status: int) -> str:
    number = -status if status < 0 else status - 128
    if number in {known.value for known in signal.Signals}:
        return f"the whole process was killed by {signal.Signals(number).name}"
    return f"the whole process ended with exit status {status}, in the middle of the check"


class _Tail:
    """Reads a pipe to its end and keeps the last part, however much comes."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._kept, self._pipe = b"", pipe
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with self._pipe as pipe:
            while chunk := pipe.read1(65536):  # type: ignore[attr-defined]
                self._kept = (self._kept + chunk)[-_STDERR:]

    def text(self, patience: float = 0.5) -> str:
        """What was kept, when the other end is closed or so many seconds have passed."""
        self._thread.join(patience)
        return self._kept.decode(errors="replace")

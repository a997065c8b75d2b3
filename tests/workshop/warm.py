"""Grades many answers to one exercise: `python -m tests.workshop.warm`.

In, on stdin, one JSON object: the lab's directory, the exercise, the answers by
name, and perhaps "cpu", the seconds after which an endless one is ended. Out, on
stdout, one JSON object an answer: its name and what came of the
first check that fails ("passed" if none does). Everything that the checks need
is imported once, with the place of the exercise left free; each answer is then
graded as always, but in a fork of this process instead of a new interpreter.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import NoReturn

from minicontainer.workshop.grading import runner
from minicontainer.workshop.grading.grader import Result, grade
from minicontainer.workshop.labs.lab import Lab
from minicontainer.workshop.labs.notebook_answers import Cell, read_cells

_ROOT = Path(__file__).resolve().parents[2]


def first_failures(job: dict) -> dict[str, dict]:
    """The answers of `job`, graded in a process of their own: what came of each, by its name."""
    command = [sys.executable, "-m", "tests.workshop.warm"]
    done = subprocess.run(
        command, input=json.dumps(job), cwd=_ROOT, capture_output=True, text=True, check=False
    )
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [result["name"] for result in results] == list(job["answers"]), done.stderr
    return {result["name"]: result for result in results}


def main() -> None:
    """Read the job, import what its checks need, print a line for each answer."""
    job = json.load(sys.stdin)
    lab = Lab(Path(job["lab"]))
    checks = [check for check in lab.checks if check.exercise == job["exercise"]]
    tests = loaded(lab, job["exercise"])
    for name, source in job["answers"].items():
        answers = read_cells([Cell("cell 1", source)], [e.name for e in lab.exercises])
        start = functools.partial(Forked, tests, job.get("cpu"))
        results = grade(lab, answers, checks, start=start)
        with contextlib.closing(results):
            failed = next((result for result in results if not result.passed), None)
        print(json.dumps({"name": name, **_told(failed)}), flush=True)


def loaded(lab: Lab, exercise: str) -> runner.Tests:
    """All that the checks of `exercise` need, imported before its answer is known."""
    tests = runner.Tests(lab)
    tests.overlay.reserve([lab.exercise(exercise)])
    for check in lab.checks:
        if check.exercise == exercise:
            tests.seconds(check.name)
    return tests


def _told(failed: Result | None) -> dict:
    return failed._replace(check=failed.check.name)._asdict() if failed else {"outcome": "passed"}


class Forked:
    """A fork of this process that runs the runner, as a `Popen` of it would."""

    def __init__(self, tests: runner.Tests, cpu: int | None, scratch: str) -> None:
        if threading.active_count() > 1:
            raise RuntimeError(f"threads do not survive a fork: {threading.enumerate()}")
        (stdin, to_stdin), (from_stdout, stdout), (from_stderr, stderr) = (
            os.pipe() for _ in range(3)
        )
        self.pid, self._status = os.fork(), None
        if self.pid == 0:
            if cpu:
                resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
            _run(tests, scratch, (stdin, stdout, stderr))
        for end in (stdin, stdout, stderr):
            os.close(end)
        self.stdin = os.fdopen(to_stdin, "wb")
        self.stdout, self.stderr = os.fdopen(from_stdout, "rb"), os.fdopen(from_stderr, "rb")

    def kill(self) -> None:
        """Send SIGKILL unless it is known to have ended."""
        if self._status is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Its exit status, negative for a signal."""
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._status


def _run(tests: runner.Tests, scratch: str, ends: tuple[int, int, int]) -> NoReturn:
    """In the fork: become what a fresh interpreter would be, and run the checks."""
    status = 1
    try:
        os.setsid()
        for number, end in enumerate(ends):
            os.dup2(end, number)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        os.chdir(scratch)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
        runner.main(tests)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()

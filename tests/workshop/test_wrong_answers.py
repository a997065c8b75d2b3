"""Every misconception has a wrong answer, which fails and is told the hint of its own."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from minicontainer.workshop.grading.grader import grade
from minicontainer.workshop.labs.lab import Lab

from .learner import LABS, ROOT, answers_of, reference
from .warm import first_failures
from .wrong_answers import Wrong, read_wrong

WRONG = [wrong for lab in LABS for wrong in read_wrong(lab)]
#: exercises whose answers are graded at the same time; much of it is waiting
AT_ONCE = 4
each_lab = pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.id)


class Verdicts:
    """What comes of the wrong answers, exercise by exercise: the one asked for, and those after it.

    Not all at once, since other processes that run tests may be asked for the rest.
    """

    def __init__(self, jobs: dict[tuple[str, str], dict], pool: ThreadPoolExecutor) -> None:
        self.jobs, self.pool = jobs, pool
        self.begun: dict[tuple[str, str], Future] = {}

    def of(self, wrong: Wrong) -> dict:
        """What came of the first check that fails."""
        places = list(self.jobs)
        at = places.index((wrong.lab.id, wrong.exercise))
        for place in places[at : at + AT_ONCE]:
            if place not in self.begun:
                self.begun[place] = self.pool.submit(first_failures, self.jobs[place])
        return self.begun[places[at]].result()[wrong.key]


@pytest.fixture(scope="module")
def verdicts(request: pytest.FixtureRequest) -> Iterator[Verdicts]:
    """The verdicts on the wrong answers that are asked for."""
    asked: dict[tuple[str, str], list[Wrong]] = {}
    for item in request.session.items:
        if getattr(item, "function", None) is test_wrong_answer_is_told_its_own_hint:
            wrong = item.callspec.params["wrong"]
            asked.setdefault((wrong.lab.id, wrong.exercise), []).append(wrong)
    jobs = {place: _job(wrongs) for place, wrongs in asked.items()}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield Verdicts(jobs, pool)
        pool.shutdown(cancel_futures=True)


def _job(wrongs: list[Wrong]) -> dict:
    """What warm.py is told of these answers to one exercise."""
    answers = {}
    for wrong in wrongs:
        with contextlib.suppress(ValueError):  # its own test will say so
            answers[wrong.key] = wrong.source
    return {
        "lab": str(wrongs[0].lab.directory),
        "exercise": wrongs[0].exercise,
        "answers": answers,
    }


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_wrong_answer_is_told_its_own_hint(wrong: Wrong, verdicts: Verdicts) -> None:
    if wrong.key in ("tarfile-data", "tarfile-tar") and not hasattr(tarfile, "data_filter"):
        pytest.skip("this Python's tarfile has no filters yet")
    source = wrong.source
    failed = verdicts.of(wrong)
    assert failed["outcome"] != "passed", f"all checks pass, though it is wrong:\n{source}"
    assert failed["mistake"] == wrong.key, f"{json.dumps(failed, indent=2)}\n{source}"


@each_lab
def test_every_misconception_has_a_wrong_answer(lab: Lab) -> None:
    said = sorted((wrong.exercise, wrong.key) for wrong in WRONG if wrong.lab is lab)
    assert said == sorted((m.exercise, m.key) for m in lab.misconceptions.values())


@each_lab
def test_every_misconception_is_looked_for(lab: Lab) -> None:
    """The checks of its exercise name it, be the answer right or an error; and no other key."""
    known = {(m.exercise, m.key) for m in lab.misconceptions.values()}
    named = _looked_for(lab, *(reference(lab, exercise.name) for exercise in lab.exercises))
    by_check = {(m.exercise, m.key) for m in lab.misconceptions.values() if not m.raises}
    for exercise in sorted({exercise for exercise, _ in by_check - named}):
        named |= _looked_for(lab, f"def {exercise}(*given, **named):\n    raise OSError('no')\n")
    assert by_check - named == set(), "no check of the exercise looks for it"
    assert named - known == set(), "lab.toml has no such misconception of this exercise"


def _looked_for(lab: Lab, *sources: str) -> set[tuple[str, str]]:
    """Exercises, and the keys that their checks look for when these are the answers."""
    with tempfile.TemporaryFile("w+") as notes:

        def start(scratch: str) -> subprocess.Popen:
            command = [sys.executable, ROOT / "tests/workshop/recorder.py", str(notes.fileno())]
            pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
            own = {"cwd": scratch, "start_new_session": True, "pass_fds": (notes.fileno(),)}
            return subprocess.Popen(command, **pipes, **own)

        list(grade(lab, answers_of(lab, *sources), start=start))
        notes.seek(0)
        pairs = [line.split() for line in notes]
    exercises = {check.name: check.exercise for check in lab.checks}
    return {(exercises[check], key) for check, key in pairs}


@each_lab
def test_a_fork_says_what_a_fresh_interpreter_says(lab: Lab) -> None:
    wrong = next(wrong for wrong in WRONG if wrong.lab is lab)
    checks = [check for check in lab.checks if check.exercise == wrong.exercise]
    results = grade(lab, answers_of(lab, wrong.source), checks)
    with contextlib.closing(results):
        first = next(result for result in results if not result.passed)
    fresh = {"name": wrong.key, **first._replace(check=first.check.name)._asdict()}
    told = [json.dumps(one) for one in (first_failures(_job([wrong]))[wrong.key], fresh)]
    drawn = r"workshop-\w+/tmp\w+|(?<=\.)[0-9a-f]{8}\b"  # names drawn by lot
    assert len({re.sub(drawn, "DRAWN", one) for one in told}) == 1, told

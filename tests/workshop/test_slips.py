"""Whatever an answer does, the report is about the answer: for each exercise, nine kinds of it."""

from __future__ import annotations

import functools
import json
import subprocess
import sys

import pytest

from minicontainer.workshop.grading.calls import NOTHING
from minicontainer.workshop.labs.exercises import cut
from minicontainer.workshop.labs.lab import Lab

from .learner import LABS, ROOT
from .slips import RAISED

#: their first check calls them in a process whose stack nobody can ask for
CALLED_BEYOND = {"mount_private", "wait_for_start"}
EXERCISES = [(lab, name) for lab in LABS for name in lab.names]
each_exercise = pytest.mark.parametrize(
    ("lab", "exercise"), EXERCISES, ids=[f"{lab.id}-{name}" for lab, name in EXERCISES]
)


@functools.cache
def verdicts(lab: Lab, exercise: str) -> dict[str, dict]:
    """What comes of the answers to one exercise, by their names."""
    command = [sys.executable, "-m", "tests.workshop.slips", lab.id, exercise]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    told = {one["name"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert set(told) > {*RAISED}, done.stderr
    return told


@pytest.mark.slow
@each_exercise
def test_the_report_is_about_the_answer(lab: Lab, exercise: str) -> None:
    told = verdicts(lab, exercise)
    for name, one in told.items():
        failed = [r for r in one["results"] if r["outcome"] not in ("passed", "skipped")]
        assert failed, f"{name} passes all checks"
        for result in failed:
            assert result["outcome"] != "error", f"{name}: {one['report']}"
            assert " object at 0x" not in result["found"], f"{name}: {one['report']}"
            if name in RAISED:
                _is_told_as_raised(result, RAISED[name])
        assert len(one["report"]) < 3000, name
    _others(lab, exercise, told)


def _is_told_as_raised(result: dict, raised: str) -> None:
    assert result["outcome"] in ("failed", "crashed"), result
    assert result["found"] == raised, result
    assert result["where"], result
    assert not result["mistake"], result


def _others(lab: Lab, exercise: str, told: dict[str, dict]) -> None:
    first = {name: _first(one) for name, one in told.items()}
    if "None" not in cut(lab.exercise(exercise)).head.partition(" -> ")[2].partition(":\n")[0]:
        assert first["nothing"]["found"].endswith(NOTHING), first["nothing"]
        results = told["wrong type"]["results"]
        told_by_value = any("3.5" in result["found"] for result in results)
        assert told_by_value or exercise in CALLED_BEYOND, results
    assert first["loop"]["outcome"] == "timeout", first["loop"]
    if exercise not in CALLED_BEYOND:
        assert "cell 1, line " in first["loop"]["where"][-1], first["loop"]
    assert first["loop"]["story"].startswith(f"{exercise}("), first["loop"]


def _first(one: dict) -> dict:
    return next(r for r in one["results"] if r["outcome"] not in ("passed", "skipped"))

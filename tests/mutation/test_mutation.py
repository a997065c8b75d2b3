"""The checks kill the mutants: all but those that survivors.toml knows to be right."""

from __future__ import annotations

import zlib

import pytest

from minicontainer.workshop.labs import exercises
from minicontainer.workshop.labs.lab import Exercise, Lab
from tests.workshop.learner import LABS

from .mutants import change, mutants, text
from .survey import equivalents, sources_of, survey

EXERCISES = [(lab, exercise) for lab in LABS for exercise in lab.exercises]
each_exercise = pytest.mark.parametrize(
    ("lab", "exercise"), EXERCISES, ids=[exercise.name for _, exercise in EXERCISES]
)


@pytest.mark.slow
@each_exercise
def test_checks_kill_what_is_wrong(lab: Lab, exercise: Exercise) -> None:
    """Half of the mutants, always the same ones: `python -m tests.mutation` grades all."""
    found = survey(lab, exercise, lambda said: zlib.crc32(said.encode()) % 2 == 0)
    assert not found.survived, "all checks pass:\n" + "\n\n".join(found.survived)
    assert not found.ill_told, "blamed on the check itself:\n" + "\n\n".join(found.ill_told)


@each_exercise
def test_survivors_are_mutants_still(lab: Lab, exercise: Exercise) -> None:
    known = equivalents().get(exercise.name, {})
    assert not set(known) - set(sources_of(exercise)), "not among its mutants any more"
    assert all(known.values()), "a reason is missing"


def test_survivors_belong_to_exercises() -> None:
    assert not set(equivalents()) - {exercise.name for _, exercise in EXERCISES}


@each_exercise
def test_most_mutants_are_wrong(lab: Lab, exercise: Exercise) -> None:
    """Hardly any are listed for being merely unasked: 95 of 100 of the others are killed."""
    known = equivalents().get(exercise.name, {})
    unasked = sum(why.startswith("unasked") for why in known.values())
    wrong = len(sources_of(exercise)) - len(known) + unasked
    assert unasked <= 0.05 * wrong or unasked == 1


def test_what_a_mutant_is() -> None:
    source = (
        'def f(x: int) -> int:\n    """Doc."""\n    explain.step("int")\n'
        "    if x is None:\n        return 1\n    return x\n"
    )
    changes = {change(text(source), mutant) for mutant in mutants(source)}
    assert "-    if x is None:\n+    if not x:" in changes
    assert "-        return 1\n+        return 2" in changes
    assert "-    return x" in changes
    assert not any("int" in said or "Doc" in said for said in changes)
    assert exercises.solution(LABS[0].exercises[0]) not in mutants(source)

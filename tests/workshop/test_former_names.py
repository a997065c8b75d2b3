"""A notebook of an earlier edition, in which an exercise has another name, counts all the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from minicontainer.workshop.labs.lab import Lab
from minicontainer.workshop.labs.notebook_answers import Cell, read_cells
from tests.programs import needs_namespaces

from .learner import LABS, checkout, reference, run_pytest, run_workshop

LAB06 = next(lab for lab in LABS if lab.id == "06")
OLD = {new: old for old, new in LAB06.formerly.items()}


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A notebook as it was when the monitor was called caretaker, with that exercise solved."""
    made = checkout(tmp_path, LAB06, {"start_monitor": reference(LAB06, "start_monitor")})
    text = made.notebook_path().read_text("utf-8")
    for new, old in OLD.items():
        text = text.replace(new, old)
    assert "def start_caretaker(" in text and "start_monitor" not in text
    made.notebook_path().write_text(text, "utf-8")
    return made


@needs_namespaces
def test_it_is_graded_and_told_the_new_name(lab: Lab) -> None:
    done = run_workshop(lab, "check", "06", "start_caretaker")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "start_caretaker is called start_monitor now" in done.stdout
    assert "✓ 06.7 start_monitor" in run_pytest(lab).stdout


def test_hints_are_found_by_the_old_name(lab: Lab) -> None:
    done = run_workshop(lab, "hint", "06", "start_caretaker")
    assert "os.pipe() before linux.fork()" in done.stdout


@needs_namespaces
def test_update_and_reset_go_on_from_it(lab: Lab) -> None:
    assert run_workshop(lab, "update", "06").returncode == 0
    text = lab.notebook_path().read_text("utf-8")
    assert "def start_monitor(" in text and "caretaker" not in text
    assert run_workshop(lab, "check", "06", "start_monitor").returncode == 0
    assert "first text again" in run_workshop(lab, "reset", "06", "start_caretaker").stdout
    assert len(json.loads(text)["cells"]) == len(
        json.loads(lab.notebook_path().read_text("utf-8"))["cells"]
    )


def test_only_whole_words_are_renamed() -> None:
    source = "def old(x):\n    return older(x), x.old, 'old'"
    answers = read_cells([Cell("cell 1", source)], ["new"], {"old": "new"})
    assert answers.functions["new"].source == "def new(x):\n    return older(x), x.new, 'new'"
    assert answers.notes == ["old is called new now"]

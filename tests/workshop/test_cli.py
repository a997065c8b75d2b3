"""The commands behind `./workshop`, in a learner's checkout."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .learner import LAB03, ROOT, checkout, reference, run_pytest, run_workshop

GOOD = {"digest_of": reference(LAB03, "digest_of")}


def test_check_says_the_same_as_pytest(tmp_path: Path) -> None:
    lab = checkout(tmp_path, answers=GOOD)
    ours, theirs = run_workshop(lab, "check", "3"), run_pytest(lab)
    assert ours.stdout.strip() == theirs.stdout.strip()
    assert ours.returncode == theirs.returncode == 1


def test_check_of_one_exercise(tmp_path: Path) -> None:
    lab = checkout(tmp_path, answers=GOOD)
    done = run_workshop(lab, "check", "03", "digest_of")
    assert done.returncode == 0
    assert "03.1 digest_of" in done.stdout and "read_blob" not in done.stdout
    assert "It has: digest_of" in run_workshop(lab, "check", "03", "nope").stderr


def test_the_first_of_all_that_fail_comes_next(tmp_path: Path) -> None:
    wrong = "def digest_of(content):\n    while True:\n        pass"
    lab = checkout(tmp_path, answers={"digest_of": wrong})
    assert "go on with 03.1 digest_of" in run_workshop(lab, "check", "03").stdout


def test_status_and_next_remember_what_passed(tmp_path: Path) -> None:
    lab = checkout(tmp_path, answers=GOOD)
    assert "next: 03.1 digest_of" in run_workshop(lab, "next").stdout
    run_pytest(lab)
    assert "next: 03.2 read_blob" in run_workshop(lab, "next").stdout
    shown = run_workshop(lab, "status").stdout
    assert f"2 / {lab.points()} points" in shown
    assert "✓ 03.1 digest_of" in shown


def test_next_goes_on_in_the_lab_last_worked_on(tmp_path: Path) -> None:
    lab = checkout(tmp_path, answers=GOOD)
    for number in ("01", "05"):
        shutil.copytree(ROOT / "labs" / number, tmp_path / "labs" / number)
    assert "next: 01.1" in run_workshop(lab, "next").stdout
    run_workshop(lab, "check", "3")
    assert "next: 03.2 read_blob" in run_workshop(lab, "next").stdout
    assert "next: 05.1" in run_workshop(lab, "next", "5").stdout
    assert "there is no lab '8'" in run_workshop(lab, "next", "8").stderr


def test_a_broken_lab_is_told_of_and_stops_no_other(tmp_path: Path) -> None:
    lab = checkout(tmp_path, answers=GOOD)
    for number, text in (("01", "title = "), ("02", 'title = "no more"')):
        (tmp_path / "labs" / number).mkdir()
        (tmp_path / "labs" / number / "lab.toml").write_text(text)
    shown = run_workshop(lab, "status")
    assert shown.stdout.startswith("lab 03")
    assert "lab 01 is left out: " in shown.stderr and "lab 02 is left out: " in shown.stderr
    assert "✓ 03.1 digest_of" in run_workshop(lab, "check", "03").stdout
    broken = run_workshop(lab, "check", "02")
    assert "something is missing or of the wrong kind: 'minutes'" in broken.stderr


def test_what_was_tried_has_the_sign_that_check_shows(tmp_path: Path) -> None:
    half = "def safe_path(readlink, name):\n    return tuple(p for p in name.split('/') if p)"
    lab = checkout(tmp_path, answers={**GOOD, "safe_path": half})
    assert "✗ 03.6 safe_path" in run_workshop(lab, "check", "3").stdout
    shown = run_workshop(lab, "status").stdout
    for line in ("✓ 03.1 digest_of", "✗ 03.6 safe_path", "○ 03.2 read_blob"):
        assert line in shown


def test_the_terminal_speaks_of_its_own_commands(tmp_path: Path) -> None:
    lab = checkout(tmp_path, answers={"digest_of": "def digest_of(content):\n    return 1"})
    assert "more       ./workshop hint 03 digest_of\n" in run_workshop(lab, "check", "3").stdout
    assert "./workshop hint 03 digest_of 2" in run_workshop(lab, "hint", "03", "digest_of").stdout


def test_hints(tmp_path: Path) -> None:
    lab = checkout(tmp_path)
    for number in (1, 2, 3, 3):
        assert run_workshop(lab, "hint", "03", "digest_of").stdout.startswith(f"hint {number} of 3")
    assert run_workshop(lab, "hint", "03", "digest_of", "1").stdout.startswith("hint 1 of 3")
    assert "3 hints read" not in run_workshop(lab, "status").stdout


def test_solution_and_diff_want_to_be_asked_twice(tmp_path: Path) -> None:
    lab = checkout(tmp_path)
    assert "does not pass yet" in run_workshop(lab, "solution", "03", "digest_of").stdout
    assert "hexdigest" in run_workshop(lab, "solution", "03", "digest_of").stdout
    assert "+++ the package's" in run_workshop(lab, "diff", "03", "digest_of").stdout


def test_reset_keeps_what_it_replaces(tmp_path: Path) -> None:
    lab = checkout(tmp_path, answers=GOOD)
    done = run_workshop(lab, "reset", "03", "digest_of")
    assert done.returncode == 0
    kept = Path(done.stdout.split("kept in ")[1].strip())
    assert "hexdigest()}" in kept.read_text("utf-8")
    assert "hexdigest()}" not in lab.notebook_path().read_text("utf-8")
    assert "○ 03.1 digest_of" in run_pytest(lab).stdout
    again = run_workshop(lab, "reset", "03", "digest_of").stdout
    assert again == "digest_of has its first text already; nothing is changed\n"


def test_reset_brings_a_deleted_cell_back_to_its_place(tmp_path: Path) -> None:
    lab = checkout(tmp_path)
    before = json.loads(lab.notebook_path().read_text("utf-8"))
    broken = {**before, "cells": [c for c in before["cells"] if c["id"] != "exercise-chain_ids"]}
    lab.notebook_path().write_text(json.dumps(broken))
    run_workshop(lab, "reset", "03", "chain_ids")
    assert json.loads(lab.notebook_path().read_text("utf-8")) == before


def test_reset_of_a_missing_notebook(tmp_path: Path) -> None:
    lab = checkout(tmp_path)
    lab.notebook_path().unlink()
    assert run_workshop(lab, "reset", "03").returncode == 0
    assert run_pytest(lab).stdout.count("not started") == len(lab.exercises)


def test_reset_needs_none_of_the_tools_that_the_page_shows(tmp_path: Path, monkeypatch) -> None:
    lab = checkout(tmp_path)
    lab.notebook_path().unlink()
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "sh").symlink_to("/bin/sh")
    monkeypatch.setenv("PATH", str(tools))
    assert run_workshop(lab, "reset", "03").returncode == 0
    assert "could not be made on this machine" in lab.notebook_path().read_text("utf-8")


def test_update_keeps_functions_and_own_cells(tmp_path: Path) -> None:
    lab = checkout(tmp_path, answers={**GOOD, "mine": "my_helper = 1"})
    page = lab.directory / "lab.md"
    page.write_text(page.read_text("utf-8").replace("# Lab 03", "# Renewed", 1), "utf-8")
    assert run_workshop(lab, "update", "03").returncode == 0
    notebook = json.loads(lab.notebook_path().read_text("utf-8"))
    sources = ["".join(cell["source"]) for cell in notebook["cells"]]
    assert sources[0].startswith("# Renewed")
    assert sources[-1] == "my_helper = 1"
    assert "✓ 03.1 digest_of" in run_pytest(lab).stdout
    kept = list((tmp_path / ".workshop/kept").iterdir())
    assert "nothing is changed" in run_workshop(lab, "update", "03").stdout
    assert list((tmp_path / ".workshop/kept").iterdir()) == kept


def test_watch_grades_again_after_a_save(tmp_path: Path) -> None:
    lab = checkout(tmp_path)
    command = [sys.executable, "-u", "-m", "minicontainer.workshop", "watch", "03"]
    with subprocess.Popen(command, cwd=lab.root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("watching"):
                break
        other = checkout(tmp_path / "other", answers=GOOD)
        time.sleep(0.05)
        lab.notebook_path().write_bytes(other.notebook_path().read_bytes())
        assert any("✓ 03.1 digest_of" in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


def test_errors_are_one_message(tmp_path: Path) -> None:
    lab = checkout(tmp_path)
    for arguments in (["check", "9"], ["hint", "03", "nothing"], ["diff", "x", "y"]):
        done = run_workshop(lab, *arguments)
        assert done.returncode == 1
        assert done.stderr.startswith("workshop: ")
        assert "Traceback" not in done.stderr


def test_what_may_not_be_written_is_one_message() -> None:
    done = run_workshop(LAB03, "slides", "--output", "/proc/slides")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("workshop: /proc/slides: ") and done.stderr.count("\n") == 1


def test_a_terminal_that_lacks_the_signs(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    lab = checkout(tmp_path, answers=GOOD)
    for done in (run_workshop(lab, "check", "3", "digest_of"), run_pytest(lab)):
        assert "ok 03.1 digest_of" in done.stdout and "Traceback" not in done.stderr


def test_labs_are_found_from_below_and_from_elsewhere(tmp_path: Path) -> None:
    lab = checkout(tmp_path, answers=GOOD)
    inside = run_pytest(lab, cwd=lab.directory)
    elsewhere = run_pytest(lab, cwd=ROOT.parent)
    assert inside.stdout == elsewhere.stdout
    assert "✓ 03.1 digest_of" in inside.stdout


def test_pytest_selects_and_reports_as_usual(tmp_path: Path) -> None:
    lab = checkout(tmp_path, answers=GOOD)
    done = run_pytest(lab, "-k", "digest_names", f"--junitxml={tmp_path}/junit.xml")
    assert done.returncode == 0
    assert "score: 1 of 1 points" in done.stdout
    assert 'tests="1"' in (tmp_path / "junit.xml").read_text()
    assert "score: 1 of 1 points" in run_pytest(lab, "-k", "digest_names", "-n2").stdout
    listed = run_pytest(lab, "--collect-only", "-q").stdout
    assert "test_digest_names_algorithm_and_hash" in listed


#: a process that obeys the modes of files, whoever it is
_OBEYING = """
import runpy, sys
from minicontainer import linux
linux.capset(0, 0, 0)
runpy.run_module("minicontainer.workshop", run_name="__main__")
"""


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        ("update 03", 0, "up to date"),
        ("reset 03", 1, "Permission denied"),
        ("check 03", 1, "score: 0 of"),
        ("status", 0, "lab 03"),
    ],
)
def test_in_a_checkout_that_may_not_be_written(tmp_path, words, status, says):
    lab = checkout(tmp_path / "kit")
    places = [lab.root, *lab.root.rglob("*")]
    for place in places:
        place.chmod(0o555 if place.is_dir() else 0o444)
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    environment.pop("XDG_STATE_HOME", None)
    done = subprocess.run(
        [sys.executable, "-c", _OBEYING, *words.split()],
        cwd=lab.root, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    for place in places:
        place.chmod(0o755)
    said = done.stdout + done.stderr
    assert (done.returncode, says in said, "Traceback" in said) == (status, True, False), said

"""pytest's habits in the labs: they work, or are refused in a sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from minicontainer.workshop.labs.lab import Lab

from .learner import LAB03, LABS, checkout, reference, run_pytest, run_workshop

#: what pytest-instafail, pytest-sugar and pytest-rerunfailures do with pytest
PLUGIN = """
import pytest
@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    standard = config.pluginmanager.getplugin("terminalreporter")
    standard._tw.line("of another plugin's")
    config.get_terminal_writer().line("and another")
def pytest_runtest_protocol(item, nextitem):
    from _pytest.runner import runtestprotocol
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for again in range(2):
        for report in runtestprotocol(item, nextitem=nextitem, log=False):
            item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
"""


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    answers = {
        "digest_of": reference(LAB03, "digest_of"),
        "chain_ids": "def chain_ids(x): return x",
    }
    return checkout(tmp_path, answers=answers)


def _plain(lab: Lab, *options: str) -> subprocess.CompletedProcess:
    """pytest without the options that a checkout's pyproject.toml gives."""
    command = [sys.executable, "-m", "pytest", "-p", "no:anyio", *options]
    return subprocess.run(command, cwd=lab.root, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("options", [("-c", os.devnull), ("-o", "addopts="), ()])
def test_without_the_plugin_nothing_is_green(lab: Lab, options: tuple[str, ...]) -> None:
    (lab.root / "labs/pytest.ini").write_text("")
    done = _plain(lab, "labs", *options)
    assert done.returncode == 2
    assert "without the workshop's plugin these checks would try the package's own" in done.stdout
    assert "./workshop check" in done.stdout
    assert "passed" not in done.stdout and "Traceback" not in done.stdout


@pytest.mark.parametrize(
    "options", [("-n", "2"), ("-q",), ("-v",), ("--durations=2",), ("-p", "noisy"), ("--lf",)]
)
def test_habits_that_work(lab: Lab, options: tuple[str, ...]) -> None:
    (lab.root / "noisy.py").write_text(PLUGIN)
    done = run_pytest(lab, *options)
    assert done.returncode == 1
    assert "✓ 03.1 digest_of           2/2 " in done.stdout
    assert "✗ 03.5 chain_ids" in done.stdout
    assert "INTERNALERROR" not in done.stdout and "another" not in done.stdout + done.stderr


#: a grader that ends early, as where a lab can't be done, and by a fault of its own
BROKEN = """
from minicontainer.workshop import plugin
from minicontainer.workshop.labs.lab import LabError
def grade(lab, answers, checks):
    yield from list(plugin_grade(lab, answers, checks))[:{results}]
    raise {error}
plugin_grade, plugin.grade = plugin.grade, grade
"""


@pytest.mark.parametrize("results", [0, 3])
@pytest.mark.parametrize("error", ["LabError('no Linux', 'lab 03')", "RuntimeError('no child')"])
def test_what_ends_the_grader_is_told(lab: Lab, error: str, results: int) -> None:
    (lab.root / "broken.py").write_text(BROKEN.format(error=error, results=results))
    done = run_pytest(lab, "-p", "broken")
    assert done.returncode == 1
    assert done.stdout.count("lab 03: no Linux\n" if "Lab" in error else "Error: no child\n") == 1
    assert ("score: " in done.stdout) == (results > 0) and "passed\n" not in done.stdout


@pytest.mark.parametrize("option", ["--pdb", "--trace", "--setup-show", "--setup-plan"])
def test_habits_that_are_refused_in_a_sentence(lab: Lab, option: str) -> None:
    done = run_pytest(lab, option)
    assert done.returncode == 4
    [line] = (done.stdout + done.stderr).strip().splitlines()
    assert line.startswith("ERROR: ")


def test_k_takes_the_name_of_an_exercise(lab: Lab) -> None:
    for name in ("digest_of", "apply_layer", "unpack"):
        said = run_pytest(lab, "-k", name).stdout
        assert f" {name} " in said and f"of {LAB03.points(name)} points" in said
        assert "only" not in said and said.count(" 03.") <= 3
    said = run_pytest(lab, "-k", "test_digest_names").stdout
    assert "note: only 1 of 2 checks were run" in said
    done = run_pytest(lab, "-k", "digestof")
    assert done.returncode == 5
    assert done.stdout.startswith(
        "no check is selected; -k takes the name of an exercise: digest_of"
    )


MINE = """
from minicontainer.step03_image.digest import digest_of
from minicontainer.step03_image.layers import chain_ids
from minicontainer.step03_image.platform import choose_manifest
def test_written(): assert digest_of(b"").startswith("sha256:e3b0")
def test_wrong(): assert chain_ids(["a", "b"]) != ["a", "b"]
def test_not_written(): assert choose_manifest([], {}) is None
"""


def test_a_learners_own_tests_get_the_learners_functions(lab: Lab) -> None:
    module = LAB03.exercise("choose_manifest").module
    own = lab.directory / "test_mine.py"
    own.write_text(MINE.replace("minicontainer.step03_image.platform", module))
    done = run_pytest(lab)
    assert "✓ 03.1 digest_of" in done.stdout
    assert "your own tests, with your functions: 1 passed, 2 failed" in done.stdout
    assert "NotDefined: choose_manifest is not written yet" in done.stdout
    other = checkout(lab.root, next(other for other in LABS if other.id == "04"))
    (other.directory / "test_own.py").write_text("def test_other(): pass\n")
    both = run_pytest(lab, str(other.directory)).stdout
    assert "your own tests, with your functions: 2 passed, 2 failed" in both
    own.write_text("def test_half(:\n")
    assert "✓ 03.1 digest_of" in run_workshop(lab, "check", "03").stdout
    assert "SyntaxError" in run_pytest(lab).stdout

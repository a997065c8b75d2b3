"""The overlay: the learner's functions run everywhere, the reference's are gone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .learner import LAB03, ROOT, checkout, reference

#: run in a process of its own, below a learner's checkout: import steps with the overlay on
PROGRAM = """
import json, sys
from minicontainer.workshop.labs import overlay
report = overlay.install_mine()
from minicontainer.step03_image import digest, layers, blobs
def attempt(call):
    try:
        return call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
print(json.dumps({
    "report": report,
    "digest": attempt(lambda: digest.digest_of(b"")),
    "chain": attempt(lambda: layers.chain_ids(["a", "b"])),
    "same": layers.digest_of is digest.digest_of is blobs.digest_of,
    "source": digest.split_digest.__module__,
    "constants": sorted(set(digest.digest_of.__code__.co_consts[:1] or [])) == [],
}))
"""

COMMAND = "import sys; from minicontainer.cli.minicontainer import main; sys.exit(main())"


def _mine(tmp_path: Path, answers: dict[str, str]) -> dict:
    lab = checkout(tmp_path, answers=answers)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=lab.root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_other_modules_call_the_learners_function(tmp_path: Path) -> None:
    found = _mine(tmp_path, {"digest_of": "def digest_of(content):\n    return 'mine'"})
    assert found["digest"] == "mine"
    assert found["chain"] == ["a", "mine"]
    assert found["same"]


def test_what_is_not_attempted_is_the_packages(tmp_path: Path) -> None:
    found = _mine(tmp_path, {})
    assert found["digest"].startswith("sha256:e3b0c4")
    assert found["report"].startswith(f"0 of {len(LAB03.exercises)} functions are yours")


def test_report_says_whose_each_is(tmp_path: Path) -> None:
    found = _mine(tmp_path, {"chain_ids": reference(LAB03, "chain_ids")})
    assert found["report"].startswith(f"1 of {len(LAB03.exercises)} functions are yours")
    assert "lab 03  chain_ids" in found["report"]


def test_helpers_imports_and_constants_come_along(tmp_path: Path) -> None:
    helper = (
        "import base64\nSEPARATOR = '+'\nplain = 'x'\ndef helper(a): return a + SEPARATOR + plain"
    )
    answer = "def digest_of(content):\n    return helper(base64.b64encode(content).decode())"
    found = _mine(tmp_path, {"digest_of": answer, "extra": helper})
    assert found["digest"] == "+x"


def test_a_helper_with_a_name_of_the_package_changes_nothing_there(tmp_path: Path) -> None:
    answer = "def split_digest(x): return 'mine'\ndef digest_of(content): return split_digest(1)"
    found = _mine(tmp_path, {"digest_of": answer})
    assert found["digest"] == "mine"
    assert found["source"] == "minicontainer.step03_image.digest"


def test_learners_functions_call_each_other(tmp_path: Path) -> None:
    answers = {
        "digest_of": "def digest_of(content):\n    return 'mine'",
        "chain_ids": "def chain_ids(diff_ids):\n    return digest_of(b'')",
    }
    assert _mine(tmp_path, answers)["chain"] == "mine"


def test_a_stub_is_not_called_by_the_learners_functions(tmp_path: Path) -> None:
    found = _mine(tmp_path, {"chain_ids": "def chain_ids(d):\n    return digest_of(b'')"})
    assert found["chain"].startswith("sha256:e3b0c4")


def test_a_definition_that_fails_is_told(tmp_path: Path) -> None:
    found = _mine(tmp_path, {"digest_of": "def digest_of(content, x=nothing):\n    return 1"})
    assert "NotDefined" in found["digest"]
    assert "NameError: name 'nothing' is not defined" in found["digest"]


def _command(tmp_path: Path, answers: dict[str, str], *words: str) -> subprocess.CompletedProcess:
    """`minicontainer --mine WORDS` in a learner's checkout."""
    lab = checkout(tmp_path, answers=answers)
    data = str(tmp_path / "data")
    return subprocess.run(
        [sys.executable, "-c", COMMAND, "--mine", *words],
        cwd=lab.root,
        env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_DATA_HOME": data},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(("verb", "status"), [("pull", 1), ("run", 125)])
def test_an_error_of_a_learners_function_shows_its_lines(tmp_path: Path, verb, status) -> None:
    answers = {"digest_of": "def digest_of(content):\n    return helper(content)"}
    answers["extra"] = "def helper(content):\n    return content[10**9]"
    done = _command(tmp_path, answers, verb, "workshop/hello")
    assert done.returncode == status, done.stderr
    said = done.stderr[done.stderr.index("minicontainer: your ") :].splitlines()
    assert said[0] == "minicontainer: your digest_of failed; ./workshop check 03"
    assert re.fullmatch(r"  image.ipynb cell \d+, line 2: return helper\(content\)", said[1])
    assert said[3:] == ["  IndexError: index out of range"]
    assert "Traceback" not in done.stderr


def test_a_long_report_is_wrapped(tmp_path: Path) -> None:
    answers = {exercise.name: reference(LAB03, exercise.name) for exercise in LAB03.exercises}
    lines = _mine(tmp_path, answers)["report"].splitlines()
    assert len(lines) == 3 and max(map(len, lines)) <= 76
    assert all(line.startswith("  lab 03  ") for line in lines[1:])


def test_lost_first_cell_breaks_nothing(tmp_path: Path) -> None:
    lab = checkout(tmp_path, answers={"digest_of": reference(LAB03, "digest_of")})
    notebook = json.loads(lab.notebook_path().read_text("utf-8"))
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] != "setup"]
    lab.notebook_path().write_text(json.dumps(notebook))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=lab.root,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert json.loads(done.stdout)["digest"].startswith("sha256:e3b0c4")

"""Notebooks of an earlier edition: they start, their answers are graded, update renews them.

older_cells/NN.txt are the notebooks' first cells as they once were.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from minicontainer.workshop.labs.former import bring
from minicontainer.workshop.labs.lab import Lab

from .learner import LAB03, LABS, ROOT, checkout, results_of, run_pytest, run_workshop

OLDER = {lab.id: (Path(__file__).parent / f"older_cells/{lab.id}.txt").read_text() for lab in LABS}
RENEWS = "his notebook is of an earlier edition; ./workshop update {} renews"
#: runs cells as a kernel does, and says how each ended and which names there are
SHELL = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
done = [shell.run_cell(cell, store_history=True).success for cell in json.load(sys.stdin)]
print("\\n" + json.dumps({"done": done, "names": list(shell.user_ns)}))
"""


def _in_a_shell(lab: Lab, *cells: str) -> tuple[list[bool], set[str], str]:
    """Whether each cell succeeded, the names there are then, and what was printed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MINICONT")}
    done = subprocess.run(
        [sys.executable, "-c", SHELL],
        input=json.dumps(cells),
        cwd=lab.directory,
        env={**environment, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    printed, _, last = done.stdout.rstrip().rpartition("\n")
    told = json.loads(last)
    return told["done"], set(told["names"]), printed


def _imported(cell: str) -> set[str]:
    lines = [line for line in ast.parse(cell).body if isinstance(line, ast.ImportFrom)]
    return {alias.asname or alias.name for line in lines for alias in line.names}


def _with_first_cell(lab: Lab, source: str) -> None:
    """Let the lab's notebook begin as an earlier edition did, in an editor that drops the ids."""
    notebook = json.loads(lab.notebook_path().read_text("utf-8"))
    cell = next(cell for cell in notebook["cells"] if cell["id"] == "setup")
    cell |= {"id": "from-elsewhere", "source": source}
    lab.notebook_path().write_text(json.dumps(notebook), "utf-8")


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: f"lab{lab.id}")
def test_an_older_first_cell_runs_and_brings_its_names(lab: Lab) -> None:
    done, names, printed = _in_a_shell(lab, OLDER[lab.id], "progress()")
    assert done == [True, True]
    assert {"check", "hint", "compare", "progress", "scenes"} <= names
    gone = _imported(OLDER[lab.id]) - names - {"annotations"}
    assert not gone or RENEWS.format(lab.id) in printed
    told = printed.partition("No longer in the package: ")[2].partition(".\n")[0]
    assert gone == set(filter(None, told.split(", ")))


def test_what_is_gone_is_named() -> None:
    lines = (
        "from minicontainer.step03_image.no_such_module import Stream, no_such_name",
        "from minicontainer.step03_image.manifest import nor_this_one, choose_manifest",
    )
    begin = 'from minicontainer.workshop.notebook import begin\ncheck, *_ = begin("03")'
    done, names, printed = _in_a_shell(LAB03, "\n".join([*lines, begin]))
    assert done == [True]
    assert {"Stream", "choose_manifest", "check"} <= names
    assert RENEWS.format("03") in printed
    assert "No longer in the package: no_such_name, nor_this_one." in printed


def test_an_import_error_elsewhere_is_shown_as_ever() -> None:
    cell = "import minicontainer\nfrom minicontainer.step03_image.nowhere import nothing"
    done, _, printed = _in_a_shell(LAB03, cell)
    assert done == [False]
    assert "No module named 'minicontainer.step03_image.nowhere'" in printed


def test_a_name_of_several_rooms_is_taken_from_its_own() -> None:
    space: dict = {}
    line = ast.parse("from minicontainer.step03_image.nowhere import identity as same").body[0]
    assert isinstance(line, ast.ImportFrom)
    assert bring(line, space) == []
    assert space["same"].__module__ == "minicontainer.step03_image.manifest"


def test_an_older_notebook_runs_to_its_end_in_a_kernel(tmp_path: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    lab = checkout(tmp_path)
    cells = [nbformat.v4.new_code_cell(source) for source in (OLDER["03"], "print(hint)")]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MINICONT")}
    client = NotebookClient(
        nbformat.v4.new_notebook(cells=cells), timeout=60, kernel_name="python3"
    )
    client.execute(cwd=str(lab.directory), env={**environment, "PYTHONPATH": str(ROOT)})


def test_answers_of_an_older_notebook_are_graded(tmp_path: Path) -> None:
    own = "import annotations\nfrom minicontainer.errors import ImageError as Bad\n"
    answer = (
        "def digest_of(content, algorithm='sha256'):\n"
        "    Bad('a name that stands elsewhere now')\n"
        "    return f'{algorithm}:{hashlib.new(algorithm, content).hexdigest()}'\n"
    )
    lab = checkout(tmp_path, answers={"digest_of": answer})
    _with_first_cell(lab, OLDER["03"].replace("import annotations\n", own, 1))
    shown = run_pytest(lab).stdout
    assert "✓ 03.1 digest_of" in shown and f"note: t{RENEWS.format('03')}" in shown
    results = results_of(LAB03, "digest_of", own + answer.replace("Bad", "Worse"))
    assert results[0].found.startswith("NameError was raised")


def test_update_renews_an_older_first_cell(tmp_path: Path) -> None:
    lab = checkout(tmp_path, answers={"mine": "my_helper = 1"})
    now = json.loads(lab.notebook_path().read_text("utf-8"))["cells"]
    _with_first_cell(lab, OLDER["03"])
    assert run_workshop(lab, "update", "03").returncode == 0
    renewed = json.loads(lab.notebook_path().read_text("utf-8"))["cells"]
    assert ["".join(cell["source"]) for cell in renewed] == [
        "".join(cell["source"]) for cell in now
    ]

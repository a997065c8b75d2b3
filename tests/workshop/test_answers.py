"""Answers are found by name, in notebooks as any editor saves them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicontainer.workshop.labs.cells import Cell, Program, statements
from minicontainer.workshop.labs.lab import LabError
from minicontainer.workshop.labs.notebook_answers import (
    BROKEN,
    MISSING,
    STUB,
    WRITTEN,
    read_cells,
)
from minicontainer.workshop.labs.notebook_files import read

from .learner import LAB03, checkout, reference, run_pytest

GOOD = "def f(x):\n    return x"


def _state(source: str) -> str:
    return read_cells([Cell("cell 1", source)], ["f"]).functions["f"].state


@pytest.mark.parametrize(
    ("source", "state"),
    [
        (GOOD, WRITTEN),
        ("x = 1", MISSING),
        ("def f(x):\n    '''doc'''\n    raise NotImplementedError", STUB),
        ("def f(x):\n    # a comment\n    raise NotImplementedError('later')", STUB),
        ("def f(x):\n    ...", STUB),
        ("def f(x):\n    pass", STUB),
        ("def f(x):\n    y = x\n    raise NotImplementedError", WRITTEN),
        ("def f(x:\n    return x", BROKEN),
        ("class A:\n    def f(self): return 1", MISSING),
        ("%%time\n" + GOOD, WRITTEN),
        ("%%bash\ndef f(x) {}", MISSING),
        ("!ls\n" + GOOD, WRITTEN),
        ("a = %who\n" + GOOD, WRITTEN),
        (GOOD + "\nf?", WRITTEN),
    ],
)
def test_states(source: str, state: str) -> None:
    assert _state(source) == state


def test_what_a_function_needs_is_run_and_nothing_else() -> None:
    source = (
        "import os, re, random\nTABLE = {}\nroot = os.getcwd()\nunused = os.getcwd()\n"
        "TABLE['a'] = re.compile(root)\nfor i in range(3): TABLE[i] = i\nprint(TABLE)\n"
        "def fill(): TABLE.update(b=1)\nfill()\nf(1)\nseen = f(TABLE)\nos.remove(root)\n"
        "length = len(root)\n!ls {root}\n%time f(2)\n"
        "def f(x): return TABLE\ncheck(f)\nwith open('x') as file: print(file)\n"
    )
    read = statements(Cell("cell 1", source))
    assert not isinstance(read, SyntaxError)
    program = Program(read, ["f"], ["f"])
    assert [s.node.lineno for s in program.statements] == [1, 2, 3, 5, 6, 8, 9, 16]


@given(st.text())
def test_any_text_is_read(source: str) -> None:
    read_cells([Cell("cell 1", source)], ["f"])


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
def test_any_json_is_a_notebook_or_refused(tmp_path_factory, document) -> None:
    path = tmp_path_factory.mktemp("any") / "image.ipynb"
    path.write_text(json.dumps(document), "utf-8")
    with pytest.raises(LabError):
        read(path)


def _as_jupyterlab(notebook: dict) -> bytes:
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]).splitlines(keepends=True)
        cell["metadata"] = {"editable": True, "tags": []}
    return (json.dumps(notebook, indent=1) + "\n").encode()


def _as_vscode(notebook: dict) -> bytes:
    for cell in notebook["cells"]:
        del cell["id"]
        cell["metadata"] = {"vscode": {"languageId": "python"}}
        cell["source"] = "".join(cell["source"]).splitlines(keepends=True)
    notebook["nbformat_minor"] = 2
    return json.dumps(notebook, indent=1).replace("\n", "\r\n").encode()


def _as_colab(notebook: dict) -> bytes:
    for cell in notebook["cells"]:
        del cell["id"]
        cell["source"] = "".join(cell["source"])
        cell["metadata"] = {"id": "a1B2", "colab": {"base_uri": "x"}}
    return json.dumps({**notebook, "nbformat_minor": 0, "metadata": {"colab": {}}}).encode()


def _with_windows_line_ends(notebook: dict) -> bytes:
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]).replace("\n", "\r\n")
        cell.pop("outputs", None)
    return b"\xef\xbb\xbf" + json.dumps(notebook, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "save",
    [_as_jupyterlab, _as_vscode, _as_colab, _with_windows_line_ends],
    ids=lambda f: f.__name__,
)
def test_notebooks_of_all_editors_are_graded(save, tmp_path: Path) -> None:
    answers = {name: reference(LAB03, name) for name in ("digest_of", "apply_layer")}
    lab = checkout(tmp_path, answers=answers)
    path = lab.notebook_path()
    path.write_bytes(save(json.loads(path.read_text("utf-8"))))
    done = run_pytest(lab)
    assert "✓ 03.1 digest_of" in done.stdout
    assert "✓ 03.7 apply_layer" in done.stdout
    assert "○ 03.2 read_blob" in done.stdout


COPIES = ("image-Copy1", "image copy", "image (1)", "Copy of image")


def test_copies_draw_a_warning_the_newest_first(tmp_path: Path) -> None:
    lab = checkout(tmp_path)
    path = lab.notebook_path()
    for age, name in enumerate(COPIES):
        copy = path.with_name(f"{name}.ipynb")
        copy.write_bytes(path.read_bytes())
        os.utime(copy, (0, path.stat().st_mtime + 1.5 - age))
    notes = [line for line in run_pytest(lab).stdout.splitlines() if "graded" in line]
    told = [f"note: {name}.ipynb is not graded; only image.ipynb is" for name in COPIES]
    assert notes == [f"{text}, though it is older" for text in told[:2]] + told[2:]

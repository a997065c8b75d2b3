"""Answers are found by name, in notebooks as any editor saves them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicontainer.workshop.labs.lab import LabError
from minicontainer.workshop.labs.notebook_answers import (
    BROKEN,
    MISSING,
    STUB,
    WRITTEN,
    Cell,
    kept,
    parse,
    read_cells,
    read_notebook,
)

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


def test_only_definitions_are_kept() -> None:
    source = (
        "import os\nX = 1\nPATTERN = os.path.join('a')\ny = os.getcwd()\nprint(1)\nclass A: pass\n"
    )
    source += "for i in range(3): pass\ntry:\n    import json\nexcept ImportError:\n    pass"
    tree = parse(source)
    assert not isinstance(tree, SyntaxError)
    assert [type(node).__name__ for node in kept(tree)] == [
        "Import",
        "Assign",
        "Assign",
        "ClassDef",
        "Try",
    ]


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
        read_notebook(path, ["f"])


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


def test_copy_draws_a_warning(tmp_path: Path) -> None:
    lab = checkout(tmp_path)
    path = lab.notebook_path()
    path.with_name("image-Copy1.ipynb").write_bytes(path.read_bytes())
    assert "image-Copy1.ipynb is not graded; only image.ipynb is" in run_pytest(lab).stdout

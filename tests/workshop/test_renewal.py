"""update and reset: random notebooks with a learner's edits lose nothing, and stay valid."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minicontainer.workshop.labs import notebook_files
from minicontainer.workshop.labs.lab import Lab
from minicontainer.workshop.labs.notebook_files import read, source, write
from minicontainer.workshop.labs.renewal import Renewal, pieces, remember

from .learner import LAB03, code_cell, fresh_cells, reference

CELLS = fresh_cells(LAB03)
STUBS = LAB03.names


def other_edition() -> list[dict[str, Any]]:
    """What an earlier edition held: other prose, other stubs, one import more."""
    cells = json.loads(json.dumps(CELLS))
    for number, cell in enumerate(cells):
        text = source(cell)
        if cell["cell_type"] == "markdown" and number % 2:
            text = f"{text}\n\nAs it once was."
            cell["id"] = notebook_files.cell_id("markdown", text)
        if cell["id"] == "setup":
            text = text.replace("\n\n", "\nimport gone_since\n\n", 1)
        if cell["id"].startswith("exercise-") and number % 3:
            text = text.replace('"""', '"""Once: ', 1)
        cell["source"] = text.splitlines(keepends=True)
    del cells[5]
    return cells


OLD = other_edition()

STUB = next(n for n, cell in enumerate(OLD) if cell["id"] == "exercise-digest_of")

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.sampled_from(
    [
        "import os",
        "check(digest_of)",
        "",
        "x = 1\r\ny = 2",
        "%%bash\nls",
        "def trace(f):\n    return f",
    ]
)
own_cell = st.builds(
    lambda kind, text, number: (
        {"cell_type": kind, "id": f"mine-{number}", "metadata": {"of": number}, "source": [text]}
        | ({"outputs": [], "execution_count": None} if kind == "code" else {})
    ),
    st.sampled_from(["code", "markdown", "raw"]),
    text,
    st.integers(0, 10**9),
)
function = st.sampled_from(STUBS)
edit = st.one_of(
    st.tuples(st.just("insert"), st.integers(0, 99), own_cell),
    st.tuples(st.just("delete"), st.integers(0, 99), st.none()),
    st.tuples(st.just("move"), st.integers(0, 99), st.integers(0, 99)),
    st.tuples(st.just("answer"), function, st.just("    return 'MINE'\n")),
    st.tuples(st.just("answer"), function, st.just("    return 'MINE' +\n")),
    st.tuples(st.just("above"), function, st.just("def MINE(x):\n    return x\n\n")),
    st.tuples(st.just("above"), function, st.just("@MINE\n")),
    st.tuples(st.just("below"), function, st.just("\n\nMINE = 1")),
    st.tuples(st.just("first"), st.none(), st.just("\nimport MINE")),
    st.tuples(st.just("prose"), st.integers(0, 99), st.just("\n\nMINE: a note")),
)
layout = st.fixed_dictionaries(
    {
        "indent": st.sampled_from([1, 2, 4, None]),
        "sort_keys": st.booleans(),
        "ensure_ascii": st.booleans(),
    }
)


def _cell_of(cells: list[dict], name: str) -> dict | None:
    return next((c for c in cells if f"def {name}(" in source(c)), None)


def edited(cells: list[dict], edits: list[tuple]) -> tuple[list[dict], list[dict]]:
    """The notebook after a learner's edits, and the learner's own cells in it."""
    cells = json.loads(json.dumps(cells))
    own = []
    for what, where, value in edits:
        at = where % len(cells) if isinstance(where, int) else 0
        cell = cells[at] if isinstance(where, int) else _cell_of(cells, where or "begin")
        cell = next((c for c in cells if c["id"] == "setup"), None) if what == "first" else cell
        if what == "insert" and value["id"] not in [c["id"] for c in cells]:
            cells.insert(at, value)
            own.append(value)
        elif what == "delete" and cell not in own and "MINE" not in source(cell):
            cells.remove(cell)
        elif what == "move":
            cells.insert(value % len(cells), cells.pop(at))
        elif cell is not None and cell not in own:
            before = source(cell)
            if what == "answer":
                after = before.replace("    raise NotImplementedError", value)
            elif what == "above":
                after = before.replace(f"def {where}(", f"{value}def {where}(")
            elif what in ("below", "first") or (
                what == "prose" and cell["cell_type"] == "markdown"
            ):
                after = before + value
            else:
                continue
            cell["source"] = after.splitlines(keepends=True)
    return cells, own


class Checkout:
    """A lab whose notebook is of an earlier edition, with edits, in some layout."""

    def __init__(self, directory: str, edits: list[tuple], way: dict, minor: int) -> None:
        self.lab = Lab(Path(shutil.copytree(LAB03.directory, Path(directory, "labs/03"))))
        remember(self.lab, OLD)
        cells, self.own = edited(OLD, edits)
        if minor < 5:
            for cell in cells:
                cell.pop("id", None)
        document = {"nbformat": 4, "nbformat_minor": minor, "metadata": {"x": 1.50}, "cells": cells}
        self.path, self.way = self.lab.notebook_path(), way
        self.path.write_text(json.dumps(document, **way), "utf-8")
        nbformat.validate(nbformat.read(self.path, as_version=4))
        self.renewal = Renewal(self.lab, CELLS)

    def write(self, cells: list[dict]) -> str:
        write(self.path, {**read(self.path), "cells": cells})
        written = self.path.read_text("utf-8")
        nbformat.validate(json.loads(written))
        ids = [cell["id"] for cell in json.loads(written)["cells"] if "id" in cell]
        assert len(ids) == len(set(ids))
        return written

    def raw(self, cell: dict) -> str:
        """How a cell stands in the file, to the byte."""
        alone = json.dumps({"cells": [cell]}, **self.way)
        return alone[alone.index("[") + 1 : alone.rindex("]")].strip()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(edit, max_size=8), layout, st.sampled_from([2, 4, 5, 9]))
@example([("first", None, "\nimport MINE"), ("above", "digest_of", "@MINE\n")], {"indent": 1}, 5)
@example([("answer", "digest_of", "    return 'MINE'\n"), ("move", STUB, 99)], {"indent": 1}, 5)
@example([("below", "read_blob", "\n\nMINE = 1"), ("first", None, "\nMINE = 2")], {"indent": 1}, 5)
@example([("insert", 9, code_cell("check(digest_of)"))], {"indent": 1}, 5)
@example([("insert", 9, {**code_cell("import os"), "id": "a"})], {"indent": 2}, 5)
def test_update_loses_nothing(edits: list[tuple], way: dict, minor: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        checkout = Checkout(directory, edits, way, minor)
        before = read(checkout.path)["cells"]
        made = checkout.renewal.merged(before)
        written = checkout.write(made)
        for cell in checkout.own:
            assert checkout.raw(cell) in written
        kept = [source(cell) for cell in made]
        assert [c for c in made if c in checkout.own] == [c for c in before if c in checkout.own]
        count = sum(source(cell).count("MINE") for cell in before)
        assert sum(text.count("MINE") for text in kept) == count
        for name in STUBS:
            times = [" ".join(texts).count(f"def {name}(") for texts in (map(source, before), kept)]
            assert times[1] == max(times[0], 1)
        stubs = [piece for text in kept for piece in pieces(text) if "raise NotImpl" in piece]
        assert not [stub for stub in stubs if "Once: " in stub and "MINE" not in stub]
        missing = [s for s in map(source, CELLS) if s not in kept]
        assert all(s.startswith("# Exercise") or "MINE: a note" in "".join(kept) for s in missing)
        again = read(checkout.path)["cells"]
        assert Renewal(checkout.lab, CELLS).merged(again) == again


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(edit, max_size=8), layout, st.sampled_from([2, 4, 5]), function)
@example(
    [("below", "digest_of", "\n\ndef read_blob(a):\n    return a")], {"indent": 1}, 5, "digest_of"
)
@example(
    [("below", "digest_of", "\n\ndef read_blob(a):\n    ret rn")], {"indent": 1}, 5, "digest_of"
)
def test_reset_takes_one_function(edits: list[tuple], way: dict, minor: int, name: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        checkout = Checkout(directory, edits, way, minor)
        before = read(checkout.path)["cells"]
        written = checkout.write(checkout.renewal.put_back(before, name))
        for cell in before:
            if f"def {name}(" not in source(cell):
                assert checkout.raw(cell) in written
        made = read(checkout.path)["cells"]
        [stub] = [p for c in made for p in pieces(source(c)) if f"def {name}(" in p]
        assert "NotImplementedError" in stub and "MINE" not in stub.replace("@MINE", "")
        for other in [f"def {other}(" for other in set(STUBS) - {name}] + ["MINE = 1"]:
            times = ["".join(map(source, cells)).count(other) for cells in (before, made)]
            assert times[0] == times[1]


def test_what_stands_with_the_function_stays(tmp_path: Path) -> None:
    shared = f"import os\n\n\n{reference(LAB03, 'digest_of')}\n\n\n{reference(LAB03, 'read_blob')}"
    checkout = Checkout(str(tmp_path), [], {"indent": 1}, 5)
    cells = [code_cell(shared), code_cell("@cache\ndef digest_of(twice):\n    return 1")]
    first, second = checkout.renewal.put_back(cells, "digest_of")
    assert "hexdigest" not in source(first) and reference(LAB03, "read_blob") in source(first)
    assert source(second).count("def digest_of(") == 1 and "raise" in source(second)
    assert "@cache" not in source(second)


def test_update_says_what_it_could_not_bring_together(tmp_path: Path) -> None:
    at = next(n for n, cell in enumerate(OLD) if "As it once was." in source(cell))
    checkout = Checkout(str(tmp_path), [("prose", at, "\n\nMINE: a note")], {"indent": 1}, 5)
    cells = read(checkout.path)["cells"]
    next(c for c in cells if c["id"] == "setup")["source"] += ["\nimport my_own"]
    checkout.renewal.merged(cells)
    told = "\n".join(checkout.renewal.remarks)
    assert "what you added to the first cell is in a cell below it now" in told
    assert "what you changed is another today; yours stays: " in told

"""Notebooks of an earlier edition: what their import lines name is found where it stands now.

In: an import line of a cell that no longer works. Out: the names that it asks for,
found by name as a learner's functions are (in the whole package one name means one
thing), and a list of those that are gone. The grader does so for every cell, a
kernel for the notebook's first one, where it says how to renew it.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from .cells import parse
from .exercises import imports
from .lab import Lab

#: the rooms whose names a learner's function may use
_ROOMS = ("errors.py", "explain.py", "linux.py", "lib/*.py", "registry/*.py", "step*/*.py")
_PACKAGE = Path(__file__).parents[2]
_DEFINED = re.compile(r"^(?:def|class) (\w+)|^(\w+)(?:: [^=\n]+)? = ", re.MULTILINE)
_BEGINS = re.compile(r"\bbegin\(\"(\d\d)\"\)")
OLDER = "this notebook is of an earlier edition; ./workshop update {} renews all but your functions"


def is_older(cell: str, lab: Lab) -> bool:
    """Is this a notebook's first cell, but not as we would write it now?"""
    return _BEGINS.search(cell) is not None and imports(lab.exercises) not in cell


def bring(line: ast.ImportFrom, space: dict[str, Any]) -> list[str]:
    """Run an import line in `space`, each name from where it stands now; what is gone."""
    gone = []
    for alias in line.names:
        for place in (line.module, *_now_in(line.module or "", alias.name)):
            try:
                _run(ast.ImportFrom(place, [alias], 0), space)
                break
            except ImportError:
                continue
        else:
            gone.append(alias.name)
    return gone


def brought(cell: str) -> dict[str, str]:
    """For each name that a cell imports, and that there still is, a line that imports it."""
    tree, lines = parse(cell), {}
    nodes = [] if isinstance(tree, SyntaxError) else tree.body
    imported = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    for node, alias in ((one, alias) for one in imported for alias in one.names):
        place = getattr(node, "module", None) or ""
        ours = place.startswith("minicontainer.")
        for now in _now_in(place, alias.name)[:1] if ours else [place]:
            line = ast.ImportFrom(now, [alias], 0) if now else ast.Import([alias])
            lines[alias.asname or alias.name] = ast.unparse(line)
    return lines


def _run(statement: ast.stmt, space: dict[str, Any]) -> None:
    alone = ast.fix_missing_locations(ast.Module([statement], []))
    exec(compile(alone, "an import line", "exec"), space)


def _now_in(module: str, name: str) -> list[str]:
    """Where the name stands now; of several places, in the room it came from or with the errors."""
    places = _places()[name]
    room = ".".join(module.split(".")[:2])
    near = [place for place in places if place.startswith((room, "minicontainer.errors"))]
    return near or (places if len(places) == 1 else [])


@lru_cache
def _places() -> defaultdict[str, list[str]]:
    """For each name, the modules that define it; for a module's own, the package that holds it."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    for file in sorted(file for room in _ROOMS for file in _PACKAGE.glob(room)):
        module = ".".join(["minicontainer", *file.relative_to(_PACKAGE).with_suffix("").parts])
        places[file.stem].append(module.rpartition(".")[0])
        for names in _DEFINED.findall(file.read_text("utf-8")):
            places["".join(names)].append(module)
    return places


def watch() -> None:
    """In a kernel: a notebook's first cell whose imports fail is run all the same."""
    from IPython import get_ipython

    def run_anew(shell: Any, kind: Any, error: Any, trace: Any, tb_offset: Any = None) -> None:
        cell = shell.user_ns["In"][-1]
        lab = _BEGINS.search(cell)
        if lab is None:
            shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
            return
        gone = _first_cell(cell, shell.user_ns)
        shell.events.register("post_run_cell", forgive)
        print(OLDER.format(lab[1]).capitalize())
        if gone:
            print(f"No longer in the package: {', '.join(gone)}.")

    def forgive(result: Any) -> None:
        """Else the cells after this one would not be run."""
        result.error_in_exec = None
        shell.events.unregister("post_run_cell", forgive)

    if shell := get_ipython():
        shell.set_custom_exc((ImportError,), run_anew)


def _first_cell(cell: str, space: dict[str, Any]) -> list[str]:
    """Run a notebook's first cell, statement by statement; the names that are gone."""
    gone = []
    for node in ast.parse(cell).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("minicontainer"):
            gone += bring(node, space)
        else:
            _run(node, space)
    return gone

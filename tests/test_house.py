"""The house: how long the book is, which way its arrows run, and what each step says it holds."""

from __future__ import annotations

import ast
import graphlib
import importlib.util
import io
import re
import tokenize
from pathlib import Path

import pytest

from minicontainer.workshop.labs.lab import find_labs

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "minicontainer"
STEPS = sorted(path.name for path in PACKAGE.glob("step0[1-6]_*"))
#: from the ground up; the ground itself may be used by all, and uses nothing
FLOORS = ["errors", "explain", "linux", "lib", *STEPS, "registry", "idea", "pictures", "workshop"]
FLOORS += ["cli"]

TEXTS = {path: path.read_text("utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {path: ast.parse(text) for path, text in TEXTS.items()}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}


def code_lines(path: Path) -> set[int]:
    """The numbers of the lines with code on them: no blank ones, comments and docstrings."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(TEXTS[path]).readline):
        if token.type not in LAYOUT | {tokenize.ENDMARKER}:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(TREES[path]):
        if isinstance(node, (ast.Module, ast.ClassDef, *FUNCTIONS)) and ast.get_docstring(node):
            docstring = node.body[0]
            lines.difference_update(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
    return lines


CODE = {path: code_lines(path) for path in TEXTS}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in TEXTS}


def imports(name: str) -> set[str]:
    """The modules of ours that a module imports, also inside functions and for types only."""
    package = name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in ast.walk(TREES[MODULES[name]]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            way = "." * node.level + (node.module or "")
            base = importlib.util.resolve_name(way, package)
            found |= {f"{base}.{alias.name}" for alias in node.names} | {base}
    found = (found & set(MODULES)) - {name}
    # Of a package and a module in it, the module is meant.
    return {target for target in found if not any(o.startswith(f"{target}.") for o in found)}


IMPORTS = {name: imports(name) for name in MODULES}


def test_the_book_is_read_in_an_evening_and_the_package_in_a_week():
    book = [path for path in CODE if path.relative_to(PACKAGE).parts[0] in STEPS]
    assert sum(len(CODE[path]) for path in book) <= 3300
    assert sum(map(len, CODE.values())) <= 14000


def test_no_function_is_longer_than_a_screen():
    exercises = {(e.module, e.name) for lab in find_labs(ROOT) for e in lab.exercises}
    for name, path in MODULES.items():
        for node in ast.walk(TREES[path]):
            if isinstance(node, FUNCTIONS):
                body = range(node.body[0].lineno, (node.end_lineno or 0) + 1)
                length = len(CODE[path] & set(body))
                limit = 25 if (name, node.name) in exercises else 40
                assert length <= limit, f"{name}.{node.name} has {length} lines of code"


def test_every_arrow_runs_down():
    def floor(name: str) -> int:
        return FLOORS.index(name.split(".")[1])

    rooms = [name for name in MODULES if "." in name]
    up = [(a, b) for a in rooms for b in IMPORTS[a] if b in rooms and floor(a) < floor(b)]
    assert sorted(up) == []


def test_no_modules_import_each_other_in_a_circle():
    tuple(graphlib.TopologicalSorter(IMPORTS).static_order())  # CycleError shows the circle


@pytest.mark.parametrize("step", STEPS)
def test_a_step_says_in_which_order_its_modules_are_read(step):
    there = {path.name for path in (PACKAGE / step).glob("*.py")} - {"__init__.py"}
    said = ast.get_docstring(TREES[PACKAGE / step / "__init__.py"]) or ""
    assert sorted(re.findall(r"^(\w+\.py) ", said, re.MULTILINE)) == sorted(there)
    named = set(re.findall(r"[\w/]+\.py", said))
    assert {name for name in named if not any(path.match(name) for path in TEXTS)} == set()

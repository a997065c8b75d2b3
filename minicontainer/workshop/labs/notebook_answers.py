"""The learner's functions, recognised by name in a notebook, whoever saved it.

In: an .ipynb file of any editor (nbformat 4.x; ids, tags, metadata and line
ends do not matter), or the cells a live kernel has run. Out: `Answers`: for
each exercise the state of its function and where it stands, and remarks.
Nothing is run here: a name is what the last statement made it that gives it to something.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeGuard

from .cells import Cell, Statement, statements
from .former import OLDER, is_older
from .lab import NO_MORE, Lab, answers_directory
from .notebook_files import read, source

WRITTEN, STUB, MISSING, BROKEN = "written", "stub", "missing", "broken"


class Answer(NamedTuple):
    """What a notebook holds for one exercise; `problem` explains BROKEN."""

    name: str
    state: str
    cell: str = ""
    source: str = ""
    problem: str = ""


class Answers(NamedTuple):
    """All that was found in the cells, and remarks for the learner."""

    cells: list[Cell]
    functions: dict[str, Answer]
    notes: list[str]

    def written(self) -> list[str]:
        """The exercises that hold an attempt."""
        return [name for name, answer in self.functions.items() if answer.state == WRITTEN]


def saved_answers(lab: Lab, directory: str = "") -> Answers:
    """What the lab's saved notebook holds; `directory` is "labs" or "solutions".

    Raises LabError when there is no such file or it is not a notebook.
    """
    path = lab.notebook_path(directory or answers_directory())
    numbered = enumerate(read(path)["cells"], 1)
    code = [(number, source(cell)) for number, cell in numbered if cell["cell_type"] == "code"]
    cells = [Cell(f"{path.name} cell {number}", text) for number, text in code]
    answers = read_cells(cells, lab.names, lab.formerly)
    answers.notes.extend(_copies(path))
    if any(is_older(cell.source, lab) for cell in answers.cells):
        answers.notes.append(OLDER.format(lab.id))
    gone = _defined(answers.cells).intersection(lab.retired)
    answers.notes.extend(NO_MORE.format(name) for name in sorted(gone))
    return answers


def _copies(path: Path) -> list[str]:
    """A remark for each other notebook beside `path` that is called like it, the newest first."""
    others = {p: p.stat().st_mtime for p in path.parent.glob(f"*{path.stem}*.ipynb") if p != path}
    saved = path.stat().st_mtime
    return [
        f"{other.name} is not graded; only {path.name} is"
        + (", though it is older" if others[other] > saved else "")
        for other in sorted(others, key=lambda other: -others[other])
    ]


def read_cells(
    cells: list[Cell], exercises: Iterable[str], formerly: Mapping[str, str] | None = None
) -> Answers:
    """The answers in `cells`; of several definitions the last one counts.

    Names of earlier editions, the keys of `formerly`, are read as what they are called now.
    """
    functions = {name: Answer(name, MISSING) for name in exercises}
    notes = _former(cells, formerly or {})
    cells = [Cell(cell.label, renamed(cell.source, formerly or {})) for cell in cells]
    for cell in cells:
        found = statements(cell)
        if isinstance(found, SyntaxError):
            refused = _refused(cell, found, functions)
            functions |= {answer.name: answer for answer in refused}
            if not refused:
                notes.append(f"{cell.label} is skipped, line {found.lineno}: {found.msg}")
            continue
        for statement in found:
            for name in sorted(statement.binds & functions.keys()):
                functions[name] = _after(functions[name], statement, notes)
    return Answers(cells, functions, notes)


def _after(earlier: Answer, statement: Statement, notes: list[str]) -> Answer:
    """What a name is after `statement`, which gives it to something; a remark if that is new."""
    later = _answer(earlier.name, statement)
    unwritten = earlier.state in (STUB, MISSING)
    if later.state == BROKEN and unwritten:
        return earlier
    if later.state == WRITTEN and earlier.name in statement.here and earlier.state != MISSING:
        return earlier  # it wraps what there was
    if later.state != BROKEN and earlier.state != MISSING:
        notes.append(_twice(earlier, later))
    return later


def renamed(source: str, formerly: Mapping[str, str]) -> str:
    """`source` with the names of today in the place of those of earlier editions."""
    if not formerly:
        return source
    old = "|".join(map(re.escape, formerly))
    return re.sub(rf"\b({old})\b", lambda found: formerly[found[1]], source)


def _former(cells: list[Cell], formerly: Mapping[str, str]) -> list[str]:
    """A remark for each function in `cells` that has another name today."""
    named = _defined(cells)
    return [f"{old} is called {new} now" for old, new in formerly.items() if old in named]


def _defined(cells: list[Cell]) -> set[str]:
    return {n for c in cells for n in re.findall(r"^def (\w+)", c.source, re.MULTILINE)}


def _twice(earlier: Answer, later: Answer) -> str:
    same = earlier.cell == later.cell
    places = f"twice in {later.cell}" if same else f"in {earlier.cell} and again in {later.cell}"
    return f"{later.name} is defined {places}: the last one counts"


def _refused(cell: Cell, error: SyntaxError, names: Iterable[str]) -> list[Answer]:
    """The exercises of a cell that the kernel does not run at all."""
    named = re.findall(r"^[^\w#'\"]*(?:async )?def (\w+)", cell.source, re.MULTILINE)
    problem = _caret(error, cell)
    return [Answer(n, BROKEN, cell.label, cell.source, problem) for n in named if n in names]


def _answer(name: str, statement: Statement) -> Answer:
    """What the name is after this statement, which gives it to something."""
    node, label, text = statement.node, statement.cell.label, statement.source()
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return Answer(name, STUB if is_stub(node) else WRITTEN, label, text)
    if isinstance(node, ast.Delete):
        return Answer(name, MISSING, label, text)
    if _may_be_a_function(node, name):
        return Answer(name, WRITTEN, label, text)
    line = text.split("\n")[0].strip()
    problem = f"{statement.where}: the name {name} stands for something else from here on\n"
    problem += f"  {line}\nuse another name there, or let your function come after it"
    return Answer(name, BROKEN, label, text, problem)


def _may_be_a_function(node: ast.stmt, name: str) -> bool:
    """Not what is counted, computed or fetched with the exercise itself, nor the package's own."""
    if isinstance(node, ast.ImportFrom):
        return not (node.module or "").startswith("minicontainer.")
    if isinstance(node, ast.Assign | ast.AnnAssign):
        called = node.value.func if isinstance(node.value, ast.Call) else node.value
        itself = isinstance(called, ast.Name) and called.id == name
        return isinstance(called, ast.Lambda | ast.Name | ast.Attribute | ast.Call) and not itself
    return isinstance(node, ast.Import | ast.ClassDef | ast.If | ast.Try)


def _caret(error: SyntaxError, cell: Cell) -> str:
    """The message, the line and a caret below the place, as Python shows it."""
    told = f"{cell.label}, line {error.lineno or 1}: {error.msg}"
    line = (error.text or "").rstrip("\n")
    stripped = line.lstrip()
    column = max((error.offset or 1) - 1 - (len(line) - len(stripped)), 0)
    return f"{told}\n  {stripped}\n  {' ' * column}^" if stripped else told


def is_stub(node: ast.stmt) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Whether it is a function of nothing but a docstring and `raise NotImplementedError`."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    return all(map(_is_placeholder, body))


def _is_placeholder(node: ast.stmt) -> bool:
    if isinstance(node, ast.Raise) and node.exc is not None:
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
    empty = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return empty or isinstance(node, ast.Pass)

"""The learner's functions, recognised by name in a notebook, whoever saved it.

In: an .ipynb file of any editor (nbformat 4.x; ids, tags, metadata and line
ends do not matter), or the cells a live kernel has run. Out: `Answers`: for
each exercise the state of its function and where it stands, and for the
overlay the statements to keep: imports, functions, classes and constants.
No other statement of the notebook is ever run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from .former import OLDER, is_older
from .lab import Lab, answers_directory
from .notebook_files import read, source

WRITTEN, STUB, MISSING, BROKEN = "written", "stub", "missing", "broken"

_MAGIC = re.compile(r"^\s*([%!?]|[\w.,\s]+=\s*[%!])|\?\s*$")
_CELL_MAGIC = re.compile(r"^\s*%%(\w+)")
_PYTHON_MAGICS = {"time", "timeit", "capture", "prun"}


class Cell(NamedTuple):
    """A code cell: what to call it in a message, and its source."""

    label: str
    source: str


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
    """What the lab's saved notebook holds; `directory` is "labs" or "solutions"."""
    path = lab.notebook_path(directory or answers_directory())
    answers = read_notebook(path, lab.names, lab.formerly)
    if any(is_older(cell.source, lab) for cell in answers.cells):
        answers.notes.append(OLDER.format(lab.id))
    return answers


def read_notebook(
    path: Path, exercises: Iterable[str], formerly: Mapping[str, str] | None = None
) -> Answers:
    """The answers in the saved notebook at `path`; `formerly` as read_cells takes it.

    Raises LabError when there is no such file or it is not a notebook.
    """
    numbered = enumerate(read(path)["cells"], 1)
    code = [(number, source(cell)) for number, cell in numbered if cell["cell_type"] == "code"]
    cells = [Cell(f"{path.name} cell {number}", text) for number, text in code]
    answers = read_cells(cells, exercises, formerly)
    copies = sorted(copy.name for copy in path.parent.glob(f"{path.stem}-Copy*.ipynb"))
    if copies:
        answers.notes.append(f"{copies[0]} is not graded; only {path.name} is")
    return answers


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
        found = _answers_in(cell, set(functions))
        if not found and isinstance(error := parse(cell.source), SyntaxError):
            notes.append(f"{cell.label} is skipped, line {error.lineno or 1}: {error.msg}")
        for answer in found:
            if functions[answer.name].state != MISSING:
                notes.append(_twice(functions[answer.name], answer))
            functions[answer.name] = answer
    return Answers(cells, functions, notes)


def renamed(source: str, formerly: Mapping[str, str]) -> str:
    """`source` with the names of today in the place of those of earlier editions."""
    if not formerly:
        return source
    old = "|".join(map(re.escape, formerly))
    return re.sub(rf"\b({old})\b", lambda found: formerly[found[1]], source)


def _former(cells: list[Cell], formerly: Mapping[str, str]) -> list[str]:
    """A remark for each function in `cells` that has another name today."""
    named = {n for c in cells for n in re.findall(r"^def (\w+)", c.source, re.MULTILINE)}
    return [f"{old} is called {new} now" for old, new in formerly.items() if old in named]


def _twice(earlier: Answer, later: Answer) -> str:
    same = earlier.cell == later.cell
    places = f"twice in {later.cell}" if same else f"in {earlier.cell} and again in {later.cell}"
    return f"{later.name} is defined {places}: the last one counts"


def _answers_in(cell: Cell, names: set[str]) -> list[Answer]:
    tree = parse(cell.source)
    if isinstance(tree, SyntaxError):
        named = re.findall(r"^(?:async )?def (\w+)", cell.source, re.MULTILINE)
        problem = _caret(tree, cell)
        return [Answer(n, BROKEN, cell.label, cell.source, problem) for n in named if n in names]
    return [
        Answer(node.name, _state(node), cell.label, ast.get_source_segment(cell.source, node) or "")
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in names
    ]


def parse(source: str) -> ast.Module | SyntaxError:
    """The cell as Python, or why it is none.

    Lines that Python refuses and that look like IPython's own syntax become
    `pass`; line numbers stay as they are.
    """
    lines = source.split("\n")
    magic = _CELL_MAGIC.match(source)
    if magic and magic[1] not in _PYTHON_MAGICS:
        return ast.Module([], [])
    while True:
        try:
            return ast.parse("\n".join(lines))
        except SyntaxError as error:
            at = (error.lineno or 1) - 1
            if at >= len(lines) or not _MAGIC.search(lines[at]):
                return error
            indent = len(lines[at]) - len(lines[at].lstrip())
            lines[at] = " " * indent + "pass"
        except (ValueError, RecursionError, MemoryError) as error:
            return SyntaxError(str(error) or "nested too deeply", (None, 1, 1, lines[0]))


def _caret(error: SyntaxError, cell: Cell) -> str:
    """The message, the line and a caret below the place, as Python shows it."""
    number = error.lineno or 1
    lines = cell.source.split("\n")
    line = lines[number - 1] if number <= len(lines) else ""
    stripped = line.lstrip()
    column = max((error.offset or 1) - 1 - (len(line) - len(stripped)), 0)
    return f"{cell.label}, line {number}: {error.msg}\n  {stripped}\n  {' ' * column}^"


def _state(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """STUB for a body that holds nothing but a docstring and `raise NotImplementedError`."""
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    return WRITTEN if any(not _is_placeholder(statement) for statement in body) else STUB


def _is_placeholder(node: ast.stmt) -> bool:
    if isinstance(node, ast.Raise) and node.exc is not None:
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
    empty = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return empty or isinstance(node, ast.Pass)


def kept(tree: ast.Module) -> list[ast.stmt]:
    """The statements of a cell that define something, in their order."""
    return [node for node in tree.body if _defines(node)]


def _defines(node: ast.stmt) -> bool:
    kinds = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    if isinstance(node, kinds):
        return True
    if isinstance(node, ast.Try):
        return all(isinstance(inner, ast.Import | ast.ImportFrom) for inner in node.body)
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        return len(names) == len(targets) and (
            all(name.isupper() for name in names) or _is_plain(node.value)
        )
    return False


def _is_plain(value: ast.expr) -> bool:
    """True for a value that calls nothing, so that computing it does nothing."""
    calls = ast.Call | ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr
    return not any(isinstance(node, calls) for node in ast.walk(value))

"""A code cell as the kernel reads it: its statements, and which of them a function needs.

In: a cell's source. Out: Python in which every line stands where it stood, and of each
statement the names that it gives, those that it uses, and those whose values it may change.
IPython itself reads what is not plain Python: magics, shell commands, prompts, a cell
that is indented as a whole. What only does something is left out by never being needed.
"""

from __future__ import annotations

import ast
import dis
import functools
import re
import unicodedata
import warnings
from collections import defaultdict
from types import CodeType
from typing import NamedTuple

#: cell magics that run what is below them in the kernel, and those of other languages
_PYTHON = ("time", "capture", "prun")
_FOREIGN = re.compile(
    "!|bash|cmd|file|html|HTML|javascript|js|latex|markdown|perl|ruby|script|sh|svg|SVG|sx|system"
    "|writefile"
)
_CELL_MAGIC = re.compile(r"\s*%%(\w+|!)[^\n?]*(?:\n|$)")
#: categories of Unicode: blanks, and marks that take no place
_UNSEEN = ("Zs", "Cf")
_IN_COLUMN = "in column"
_FLAGS = annotations.compiler_flag | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_NOWHERE = (None, 1, 1, "")
#: stands for names that nobody can know before the statement has run
_ANY = "*"


class Cell(NamedTuple):
    """A code cell: what to call it in a message, and its source."""

    label: str
    source: str


def parse(source: str) -> ast.Module | SyntaxError:
    """The cell as Python, or why the kernel refuses it; line numbers stay as they are."""
    if magic := _CELL_MAGIC.match(source):
        if magic[1] in _PYTHON:
            return parse("\n" * magic[0].count("\n") + source[magic.end() :])
        lost = f"%%{magic[1]} keeps nothing of what is below it"
        known = _FOREIGN.fullmatch(magic[1])
        return ast.Module([], []) if known else SyntaxError(lost, (None, 1, 1, magic[0].strip()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd backslashes: the kernel has shown them
        try:
            return ast.parse(source)
        except SyntaxError:
            return _read_as_ipython(source)
        except (ValueError, RecursionError, MemoryError) as error:
            return SyntaxError(str(error) or "nested too deeply", _NOWHERE)


def _read_as_ipython(source: str) -> ast.Module | SyntaxError:
    """What is not plain Python; a character that nobody sees is called by its name."""
    try:
        return ast.parse(_reader().transform_cell(source))
    except ImportError as error:
        return SyntaxError(f"no plain Python, and nothing that reads it ({error})", _NOWHERE)
    except SyntaxError as error:
        line = error.text or ""
        unseen = (n for n, c in enumerate(line) if unicodedata.category(c) in _UNSEEN and c != " ")
        at = next((n for n in unseen if n >= (error.offset or 1) - 1), None)
        if at is not None and error.msg.startswith("invalid"):
            error.offset, name = at + 1, unicodedata.name(line[at])
            error.msg = f"{_IN_COLUMN} {at + 1} stands {name}, which Python does not take:"
            error.msg += " ./workshop mend puts it right"
        return error


def mended(source: str) -> str:
    """`source` with a blank, or nothing, in the place of each character that nobody sees."""
    for _ in range(len(source)):
        error = parse(source)
        if not isinstance(error, SyntaxError) or not error.msg.startswith(_IN_COLUMN):
            break
        at, lines = (error.offset or 1) - 1, source.split("\n")
        unseen, line = (error.text or "")[at], lines[(error.lineno or 1) - 1]
        blank = " " if unicodedata.category(unseen) == "Zs" else ""
        lines[(error.lineno or 1) - 1] = line[:at] + line[at:].replace(unseen, blank, 1)
        source = "\n".join(lines)
    return source


@functools.cache
def _reader():
    """IPython's reading of a cell, which takes time to import, with each line in its place."""
    from IPython.core.inputtransformer2 import TransformerManager

    class Reader(TransformerManager):
        def transform_cell(self, cell: str) -> str:
            blank = len(cell) - len(cell.lstrip()) if cell.strip() else 0
            return "\n" * cell[:blank].count("\n") + super().transform_cell(cell)

        def do_one_token_transform(self, lines: list[str]) -> tuple[bool, list[str]]:
            changed, after = super().do_one_token_transform(lines)
            pairs = enumerate(zip(lines, after, strict=False), 1)
            at = next((number for number, (old, new) in pairs if old != new), len(after))
            return changed, [*after[:at], *["\n"] * (len(lines) - len(after)), *after[at:]]

    return Reader()


class Statement:
    """A statement at the top of a cell, ready to be run.

    binds: the names that it gives to something, or takes away. here: those that it
    uses when it is run; uses: also those that its functions use when they are called.
    """

    def __init__(self, cell: Cell, node: ast.stmt) -> None:
        self.cell, self.node, self.where = cell, node, f"{cell.label}, line {node.lineno}"
        alone = ast.Module([node], [])
        self.code = compile(alone, cell.label, "exec", _FLAGS, dont_inherit=True)
        self.binds = _names(self.code, "STORE_NAME", "STORE_GLOBAL", "DELETE_NAME")

    @functools.cached_property
    def here(self) -> set[str]:
        return _names(self.code, *_LOADS)

    @functools.cached_property
    def uses(self) -> set[str]:
        annotated = ast.walk(self.node) if isinstance(self.node, ast.ClassDef) else ()
        names = {node.id for node in annotated if isinstance(node, ast.Name)}
        return names | _names(self.code, *_LOADS, "STORE_GLOBAL", deep=True)

    def source(self) -> str:
        """Its lines as they stand in the cell, decorators among them."""
        decorators = getattr(self.node, "decorator_list", ())
        first = min([self.node.lineno, *(decorator.lineno for decorator in decorators)])
        return "\n".join(self.cell.source.split("\n")[first - 1 : self.node.end_lineno])


#: how code asks for a global name (the last one: in a class within a function, since Python 3.12)
_LOADS = ("LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS")


def _names(code: CodeType, *operations: str, deep: bool = False) -> set[str]:
    """The names of such operations in `code`; `deep` also in its functions and classes."""
    inner = [const for const in code.co_consts if deep and isinstance(const, CodeType)]
    found = {i.argval for i in dis.get_instructions(code) if i.opname in operations}
    return found.union(*(_names(const, *operations, deep=True) for const in inner))


@functools.lru_cache(maxsize=512)
def statements(cell: Cell) -> list[Statement] | SyntaxError:
    """The statements of a cell, or why the kernel refuses all of it."""
    tree = parse(cell.source)
    if isinstance(tree, SyntaxError):
        return tree
    try:
        compile(tree, cell.label, "exec", _FLAGS, dont_inherit=True)
        return [Statement(cell, node) for node in tree.body]
    except SyntaxError as error:
        return error


class Program:
    """What of the statements `read` the functions `wanted` need; `exercises` are all there are.

    A statement is needed when it gives a name that is needed, or may change the
    value of one. What shows something, asks the page or the shell, or tries an
    exercise changes nothing.
    """

    def __init__(self, read: list[Statement], wanted: list[str], exercises: list[str]) -> None:
        page = {n for s in read if s.source().startswith(_PAGE) for n in s.binds} | {"get_ipython"}
        self.left_out = [s for s in read if not isinstance(s.node, _ASKS_LATER) and s.here & page]
        own = [s for s in read if s not in self.left_out]
        self.exercises, self.needs = set(exercises), defaultdict[str, set[str]](set)
        self.own = {n for s in own if not isinstance(s.node, _IMPORTS) for n in s.binds}
        self.values = {n for s in own for n in _names(s.code, "STORE_GLOBAL", deep=True)}
        self.values |= {n for s in own if not isinstance(s.node, _DEFINED) for n in s.binds}
        for statement in own:
            for name in statement.binds:
                self.needs[name] |= statement.uses
        gives = {s: s.binds | self._changed(s) for s in own}
        names, chosen = {*wanted, _ANY}, set[Statement]()
        while more := {s for s in own if s not in chosen and gives[s] & names}:
            chosen |= more
            for statement in more:
                names |= statement.uses
                for name in gives[statement]:
                    self.needs[name] |= statement.uses
        self.statements = [s for s in own if s in chosen]

    def _changed(self, statement: Statement) -> set[str]:
        """The names that stay, but whose values the statement may change."""
        node, text = statement.node, ast.unparse(statement.node)
        if text.endswith("import *") or text.startswith("sys.path.") or "globals()" in text:
            return {_ANY}
        if statement.here & self.exercises:
            return set()
        if isinstance(node, _STORES) and not statement.binds:
            return statement.here
        if isinstance(node, _VALUED) and _root(node.value) not in self.own:
            return set()
        touched = {n for name in statement.here for n in self.reach(name)} & self.values
        registers = {_root(decorator) for decorator in getattr(node, "decorator_list", ())}
        return touched - self.exercises | registers & self.own

    def reach(self, name: str) -> set[str]:
        """All names that `name` needs, itself among them."""
        found, new = {name}, {name}
        while new:
            new = {n for known in new for n in self.needs.get(known, ())} - found
            found |= new
        return found


_IMPORTS = (ast.Import, ast.ImportFrom)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_STORES = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete)
_VALUED = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr)
_ASKS_LATER = (ast.If, ast.Try, *_DEFINITIONS)
_DEFINED = (*_IMPORTS, *_DEFINITIONS)
#: imports of what the page works with, such as `scenes`
_PAGE = "from minicontainer.workshop"


def _root(node: ast.expr | None) -> str:
    """`table` of `table.rows[0].append(1)`; "" where it begins with no name."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""

"""What a notebook's functions need of it, run from top to bottom as in a kernel.

In: the answers, and where the notebook stands: modules beside it can be imported.
Out: `space`, in which helpers, imports and tables are seen by all the functions, and
why what is not there is missing. It starts with the import lines that the notebook
opens with, so a lost first cell breaks nothing.
"""

from __future__ import annotations

import ast
import importlib
import linecache
import os
import re
import sys
from collections.abc import Callable
from inspect import CO_COROUTINE
from pathlib import Path
from types import ModuleType
from typing import Any

from .cells import Cell, Program, Statement, statements
from .exercises import imports
from .former import bring
from .lab import Exercise
from .notebook_answers import Answers, is_stub


class Book:
    """A notebook some of whose functions are put in place."""

    def __init__(self, answers: Answers, exercises: list[Exercise], directory: Path) -> None:
        self.answers, self.exercises, self.place = answers, exercises, str(directory)
        self.space: dict[str, Any] = {}
        self.problems: list[tuple[set[str], str]] = []  # names that are not there, and why
        self.program = Program([], [], [])

    def fill(self, *, alone: bool) -> None:
        """Run what is needed; unless `alone`, forget modules beside it: another has its own."""
        known = set(sys.modules)
        sys.path.insert(0, self.place)
        self._fill()
        sys.path.append(sys.path.pop(sys.path.index(self.place)))
        for name in () if alone else set(sys.modules) - known:
            file = getattr(sys.modules[name], "__file__", "") or ""
            if file.startswith(self.place + os.sep):
                del sys.modules[name]

    def _fill(self) -> None:
        written = self.answers.written()
        module = sys.modules["__main__"] = ModuleType("__main__")  # as in a kernel
        self.space = vars(module)
        self.space |= {"display": print, "get_ipython": _NoShell}
        for statement in self._read(Cell("the notebook's imports", imports(self.exercises))):
            self._run(statement)
        others = [e for e in self.exercises if e.name not in written]
        ours = {e.name: getattr(importlib.import_module(e.module), e.name) for e in others}
        self.space |= ours
        read = [s for cell in self.answers.cells for s in self._read(cell)]
        read = [s for s in read if not (s.binds and s.binds <= ours.keys())]
        read = [s for s in read if not self._is_given(s)]
        refused = len(self.problems)
        self.program = Program(read, written, [exercise.name for exercise in self.exercises])
        for left in self.program.left_out:
            self.problems.append((set(left.binds), f"{left.where} is not run here"))
        for statement in self.program.statements:
            self._run(statement)
        for names, _ in self.problems[:refused]:
            names -= self.space.keys()
        self.space |= ours

    def _is_given(self, statement: Statement) -> bool:
        """Whether the package gives its own function for this, a stub of an earlier edition."""
        node = statement.node
        if not is_stub(node) or not isinstance(node.body[-1], ast.Raise):
            return False
        return not bring(ast.ImportFrom("minicontainer", [ast.alias(node.name)], 0), self.space)

    def why(self, name: str) -> str:
        """The first thing that failed of all that `name` needs; "" when nothing did."""
        needed = self.program.reach(name)
        return next((text for names, text in self.problems if names & needed), "")

    def _read(self, cell: Cell) -> list[Statement]:
        """The statements of a cell; none, and a problem for what it defines, if it is refused."""
        lines = [line + "\n" for line in cell.source.split("\n")]
        linecache.cache[cell.label] = (len(cell.source), None, lines, cell.label)
        read = statements(cell)
        if not isinstance(read, SyntaxError):
            return read
        told = f"{cell.label} is skipped, line {read.lineno}: {read.msg}"
        self.problems.append((set(re.findall(r"\w+", cell.source)), told))
        return []

    def _run(self, statement: Statement) -> None:
        node = statement.node
        try:
            made = eval(statement.code, self.space)  # noqa: S307 - what awaits gives a coroutine
            if statement.code.co_flags & CO_COROUTINE:
                importlib.import_module("asyncio").run(made)
        except (Exception, SystemExit) as error:
            if not isinstance(node, ast.ImportFrom) or bring(node, self.space):
                told = f"{statement.where}: {type(error).__name__}: {error}".rstrip(": ")
                self.problems.append((set(statement.binds or statement.here), told))
                return
        for names, _ in self.problems:
            names -= statement.binds


class _NoShell:
    """What `get_ipython()` gives here: magics and shell commands in a function do nothing."""

    def __getattr__(self, name: str) -> Callable:
        return lambda *arguments: None

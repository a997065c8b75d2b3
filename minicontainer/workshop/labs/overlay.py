"""The learner's functions in the place of the package's own.

In: `Answers` and, for each exercise, the module it belongs to. From then on an
import of such a module leaves the exercise's own body out and puts a forwarder
under its name, so every caller (other modules, the command line) runs the
learner's function, and nothing can fall back on the reference by accident.

The learner's definitions run in one namespace of their own, as in the
notebook: helpers, imports and constants are seen by all their functions, and a
helper that happens to have the name of one in the package changes nothing for
the package. It starts with the import lines that the notebook opens with, so a
lost first cell breaks nothing.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import linecache
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterable
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader

from .exercises import imports
from .former import bring
from .lab import Exercise, Lab, LabError, answers_directory, find_labs
from .notebook_answers import Answers, Cell, kept, parse, saved_answers


class NotDefined(Exception):
    """The learner's cell could not be run, so its function does not exist."""


class Overlay:
    """The functions of one or several notebooks, and where they belong."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}  # exercise -> module
        self.functions: dict[str, Callable] = {}
        self.called: set[str] = set()
        #: makes a call of a learner's function; who grades has one that takes notes
        self.make: Callable = lambda function, *given, **named: function(*given, **named)
        self.problems: list[str] = []
        self.books: list[tuple[Answers, list[Exercise]]] = []
        self._filled = False

    def add(self, answers: Answers, exercises: list[Exercise]) -> None:
        """Take the attempted exercises of one notebook."""
        written = answers.written()
        if not written:
            return
        self.reserve([exercise for exercise in exercises if exercise.name in written])
        self.books.append((answers, exercises))

    def reserve(self, exercises: list[Exercise]) -> None:
        """Keep the places of these free in their modules, which nobody may have imported yet."""
        places = {e.name: e.module for e in exercises if e.name not in self.places}
        early = sorted(set(places.values()) & set(sys.modules))
        if early:
            raise RuntimeError(f"imported before the overlay: {', '.join(early)}")
        self.places |= places

    def install(self) -> None:
        """From now on, imports of the modules concerned get the learner's functions."""
        sys.meta_path.insert(0, _Finder(self))

    def forwarder(self, name: str) -> Callable:
        """What stands in the module under `name`: it calls the learner's function."""

        def forward(*arguments, **named):
            return self.make(self.function(name), *arguments, **named)

        forward.__name__ = forward.__qualname__ = name
        forward.__module__ = self.places[name]
        return forward

    def function(self, name: str) -> Callable:
        """The learner's own function; raises NotDefined when its cell could not be run."""
        self.called.add(name)
        self.define()
        if name not in self.functions:
            raise NotDefined(next(iter(self.problems), f"{name} could not be defined"))
        return self.functions[name]

    def define(self) -> None:
        """Run the learner's definitions, once: early, where later there may be no files to read."""
        if not self._filled:
            self._filled = True
            for answers, exercises in self.books:
                self._fill(answers, exercises)

    def _fill(self, answers: Answers, exercises: list[Exercise]) -> None:
        """Run the definitions of one notebook, statement by statement."""
        written = answers.written()
        others = [e for e in exercises if e.name not in written]
        space: dict = {"__name__": "notebook", "__builtins__": builtins}
        self._run(Cell("the notebook's imports", imports(exercises)), space, set())
        skipped = {exercise.name for exercise in others}
        for cell in answers.cells:
            self._run(cell, space, skipped)
        space |= {e.name: getattr(importlib.import_module(e.module), e.name) for e in others}
        self.functions |= {name: space[name] for name in written if name in space}

    def _run(self, cell: Cell, space: dict, skipped: set[str]) -> None:
        tree = parse(cell.source)
        if isinstance(tree, SyntaxError):
            return
        lines = [line + "\n" for line in cell.source.split("\n")]
        linecache.cache[cell.label] = (len(cell.source), None, lines, cell.label)
        for node in kept(tree):
            if getattr(node, "name", None) in skipped:
                continue
            flags = importlib.import_module("__future__").annotations.compiler_flag
            try:
                alone = ast.Module([node], [])
                exec(compile(alone, cell.label, "exec", flags, dont_inherit=True), space)
            except (Exception, SystemExit) as error:
                if isinstance(node, ast.ImportFrom) and not bring(node, space):
                    continue
                kind = type(error).__name__
                self.problems.append(f"{cell.label}, line {node.lineno}: {kind}: {error}")


class _Finder:
    """Finds the modules that hold attempted exercises; leaves all others alone."""

    def __init__(self, overlay: Overlay) -> None:
        self.overlay = overlay

    def find_spec(self, fullname: str, path=None, target=None) -> ModuleSpec | None:
        names = [name for name, module in self.overlay.places.items() if module == fullname]
        spec = PathFinder.find_spec(fullname, path, target) if names else None
        if spec is not None and spec.origin:
            spec.loader = _Loader(fullname, spec.origin, self.overlay, names)
        return spec


class _Loader(SourceFileLoader):
    """Compiles the module's source without the bodies of the exercises."""

    def __init__(self, fullname: str, path: str, overlay: Overlay, names: Iterable[str]) -> None:
        super().__init__(fullname, path)
        self.overlay, self.names = overlay, set(names)

    def get_code(self, fullname: str):
        tree = ast.parse(self.get_data(self.path))
        tree.body = [self._replaced(node) for node in tree.body]
        return compile(tree, self.path, "exec", dont_inherit=True)

    def exec_module(self, module) -> None:
        module.__forwarder__ = self.overlay.forwarder
        super().exec_module(module)

    def _replaced(self, node: ast.stmt) -> ast.stmt:
        name = getattr(node, "name", None)
        if name not in self.names:
            return node
        assignment = ast.parse(f"{name} = __forwarder__({name!r})").body[0]
        return ast.increment_lineno(assignment, node.lineno - 1)


_mine: Overlay | None = None
_labs: list[Lab] = []
#: columns of the report
_WIDTH = 76


def install_mine() -> str:
    """Put every attempted exercise of every lab in place (`minicontainer --mine`); the report.

    To be called before any step is imported. Raises LabError without labs.
    """
    global _mine
    _mine = Overlay()
    _labs[:] = find_labs()
    for lab in _labs:
        if lab.notebook_path(answers_directory()).exists():
            _mine.add(saved_answers(lab), lab.exercises)
    _mine.install()
    _mine.define()
    return report()


def report() -> str:
    """Whose each function is, in a few lines: "9 of 31 functions are yours"."""
    if _mine is None:
        raise LabError("no functions of yours are in place")
    total = sum(len(lab.exercises) for lab in _labs)
    lines = [f"{len(_mine.places)} of {total} functions are yours"]
    for lab in _labs:
        names = ", ".join(e.name for e in lab.exercises if e.name in _mine.places)
        start = f"  lab {lab.id}  "  # on each line, so that a lab's part can be picked out
        lines += textwrap.wrap(names, _WIDTH, initial_indent=start, subsequent_indent=start)
    return "\n".join(lines)


def blame(error: BaseException) -> str:
    """Which function of the learner's `error` came from, and on which lines; "" for none."""
    if _mine is None:
        return ""
    if isinstance(error, NotDefined):
        return f"a cell of yours could not be run: {error}"
    frames = traceback.extract_tb(error.__traceback__)
    labels = {cell.label for answers, _ in _mine.books for cell in answers.cells}
    own = [frame for frame in frames if frame.filename in labels]
    last = next((frame.name for frame in reversed(own) if frame.name in _mine.places), "")
    lab = next((lab for lab in _labs if any(e.name == last for e in lab.exercises)), None)
    if lab is None:
        return ""
    lines = [f"  {frame.filename}, line {frame.lineno}: {frame.line}" for frame in own]
    said = f"{type(error).__name__}: {error}".rstrip(": ")
    return "\n".join([f"your {last} failed; ./workshop check {lab.id}", *lines, f"  {said}"])

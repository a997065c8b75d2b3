"""The learner's functions in the place of the package's own.

In: `Answers` and, for each exercise, the module it belongs to. From then on an
import of such a module leaves the exercise's own body out and puts a forwarder
under its name, so every caller (other modules, the command line) runs the
learner's function, and nothing can fall back on the reference by accident.

What the functions need of their notebook is run in a module of its own (book.py):
a helper that happens to have the name of one in the package changes nothing for it.
"""

from __future__ import annotations

import ast
import functools
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterable
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path

from .book import Book
from .lab import Exercise, Lab, LabError, answers_directory, find_labs
from .notebook_answers import BROKEN, Answers, saved_answers


class NotDefined(Exception):
    """The learner's cell could not be run, so its function does not exist."""


class Overlay:
    """The functions of one or several notebooks, and where they belong."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}  # exercise -> module
        self.books: dict[str, Book] = {}  # exercise -> the notebook that holds it
        self.called: set[str] = set()
        #: makes a call of a learner's function; who grades has one that takes notes
        self.make: Callable = lambda function, *given, **named: function(*given, **named)
        self._filled = False

    def add(self, answers: Answers, exercises: list[Exercise], directory: Path) -> None:
        """Take the attempted exercises of one notebook."""
        written = answers.written()
        self.reserve([exercise for exercise in exercises if exercise.name in written])
        self.books |= dict.fromkeys(written, Book(answers, exercises, directory))

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
        if name not in self.books:
            raise NotDefined(f"{name} is not written yet")
        found = self.books[name].space.get(name)
        if not callable(found):
            what = "is not defined" if found is None else f"is of type {type(found).__name__}"
            raise NotDefined(self.why(name) or f"{name} {what}, no function")
        if getattr(found, "__name__", "") != name:  # a lambda, what a decorator made
            found = functools.partial(found)
            found.__name__ = name  # type: ignore[attr-defined]
        return found

    def why(self, name: str) -> str:
        """The first thing that failed of all that the exercise needs; "" when nothing did."""
        return self.books[name].why(name) if name in self.books else ""

    def define(self) -> None:
        """Run what is needed, once: early, where later there may be no files to read."""
        if not self._filled:
            self._filled = True
            books = dict.fromkeys(self.books.values())
            for book in books:
                book.fill(alone=len(books) == 1)


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
_left_out: dict[str, list[str]] = {}
#: columns of the report
_WIDTH = 76


def install_mine(start: Path | None = None, *, written_only: bool = True) -> str:
    """Put every attempted exercise of every lab in place (`minicontainer --mine`); the report.

    The labs are those around `start`; without `written_only`, what is not written is
    not there. To be called before any step is imported. Raises LabError without labs.
    """
    global _mine
    _mine = Overlay()
    _labs[:] = find_labs(start)
    for lab in _labs:
        path = lab.notebook_path(answers_directory())
        if path.exists():
            answers = saved_answers(lab)
            _left_out[lab.id] = _told(answers)
            _mine.add(answers, lab.exercises, path.parent)
        if not written_only:
            _mine.reserve(lab.exercises)
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
        lines += [f"{start}{line}" for line in _left_out.get(lab.id, [])]
        whys = {e.name: _mine.why(e.name) for e in lab.exercises}
        lines += [f"{start}{name} needs what failed: {why}" for name, why in whys.items() if why]
    return "\n".join(lines)


def _told(answers: Answers) -> list[str]:
    """What of a notebook does not count, and why."""
    broken = [answer for answer in answers.functions.values() if answer.state == BROKEN]
    lines = [f"{answer.name} is left out: {answer.problem.splitlines()[0]}" for answer in broken]
    return [*lines, *(f"note: {note}" for note in answers.notes)]


def blame(error: BaseException) -> str:
    """Which function of the learner's `error` came from, and on which lines; "" for none."""
    if _mine is None:
        return ""
    if isinstance(error, NotDefined):
        return f"a cell of yours could not be run: {error}"
    frames = traceback.extract_tb(error.__traceback__)
    labels = {cell.label for book in _mine.books.values() for cell in book.answers.cells}
    own = [frame for frame in frames if frame.filename in labels]
    last = next((frame.name for frame in reversed(own) if frame.name in _mine.places), "")
    lab = next((lab for lab in _labs if any(e.name == last for e in lab.exercises)), None)
    if lab is None:
        return ""
    lines = [f"  {frame.filename}, line {frame.lineno}: {frame.line}" for frame in own]
    lines.append(f"  {type(error).__name__}: {error}".rstrip(": "))
    lines += [f"  before that, {why}"] if (why := _mine.why(last)) else []
    return "\n".join([f"your {last} failed; ./workshop check {lab.id}", *lines])

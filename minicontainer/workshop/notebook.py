"""What a lab's notebook can say: check(f), hint(name), compare(name), progress().

The live functions, as the kernel's history holds them, go to the same child
that grades the saved notebook; nothing of a learner's code is checked in the
kernel. Results come into the cell one after the other, as plain HTML.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minicontainer.errors import MinicontainerError

from . import html
from .grading.grader import Result, grade
from .grading.report import facts, symbol, tells
from .labs.cells import Cell
from .labs.exercises import solution, undescribed
from .labs.lab import ANSWERS_VARIABLE, Check, Exercise, Lab, LabError, answers_directory, find_lab
from .labs.notebook_answers import WRITTEN, Answers, read_cells, saved_answers
from .labs.progress import Progress

_UNKNOWN = "This kernel does not know {name} yet: run its cell, then this one again."
_UNWRITTEN = "{name} is not written yet. Write it, run its cell, then this one again."
#: a cell that runs the functions as the saved notebook has them
_MINE = re.compile(r"--mine\b|\bscenes\.(mine|demo)\(")
#: columns that a cell's output shows side by side
_ROOM = 92


def begin(number: str) -> tuple[Callable[..., None], ...]:
    """check, hint, compare and progress for lab `number`, for its notebook's first cell."""
    if Path.cwd().parent.name == "solutions":
        os.environ[ANSWERS_VARIABLE] = "solutions"
    programs = str(Path(sys.executable).parent)  # where `minicontainer` is, for cells that run it
    if programs not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([programs, os.environ["PATH"]])
    book = _Book(find_lab(number))
    book.listen()
    _Display().say(f"Lab {book.lab.id} is ready.")
    return book.check, book.hint, book.compare, book.progress


def _plainly(command: Callable[..., None]) -> Callable[..., None]:
    """Show our own errors as one line instead of a traceback."""

    def run(self: _Book, *arguments: Any) -> None:
        try:
            command(self, *arguments)
        except MinicontainerError as error:
            _Display().say(str(error))

    run.__doc__, run.__name__ = command.__doc__, command.__name__
    return run


class _Book:
    """A lab's notebook while it is open in a kernel."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.names = lab.names
        self.learning = answers_directory() == "labs"
        self.store = Progress(lab.root, lasting=self.learning)

    def listen(self) -> None:
        """From now on: a sentence for a function not written or not run, and for an unsaved one."""
        from IPython import get_ipython

        if shell := get_ipython():
            shell.set_custom_exc((NameError, NotImplementedError), self._explain)
            hooks = shell.events.callbacks["pre_run_cell"]  # this cell may have been run before
            hooks[:] = [hook for hook in hooks if hook.__name__ != self._remind.__name__]
            shell.events.register("pre_run_cell", self._remind)

    def _explain(
        self, shell: Any, kind: Any, error: Any, trace: Any, tb_offset: Any = None
    ) -> None:
        """Say that a function is missing, in the place of a traceback."""
        name = getattr(error, "name", "") or traceback.extract_tb(trace)[-1].name
        if name in (*self.names, *self.lab.retired):
            text = _UNKNOWN if isinstance(error, NameError) else _UNWRITTEN
            _Display().say(text.format(name=name))
        else:
            shell.showtraceback((kind, error, trace), tb_offset=tb_offset)

    def _remind(self, info: Any) -> None:
        """Before a cell that runs the saved notebook: say what that has not got."""
        if _MINE.search(info.raw_cell or ""):
            for remark in self._unsaved(self._live(), self.names):
                _Display().say(remark)

    @_plainly
    def check(self, *functions: Callable | str) -> None:
        """Check the functions given, or all of the lab, as they are in this kernel now."""
        wanted = [_name(function, self.names) for function in functions] or self.names
        exercises = [self.lab.exercise(name) for name in wanted]
        wanted = [exercise.name for exercise in exercises]
        answers = self._live()
        checks = [check for check in self.lab.checks if check.exercise in wanted]
        display = _Display()
        results: list[Result] = []
        display.show(*self._shown(exercises, checks, results, []))
        for result in grade(self.lab, answers, checks):
            results.append(result)
            display.show(*self._shown(exercises, checks, results, []))
        self.store.record(self.lab, results)
        remarks = [*self._advice(exercises, results), *self._unsaved(answers, wanted)]
        display.show(*self._shown(exercises, checks, results, remarks))

    def _live(self) -> Answers:
        """The functions as this kernel has them."""
        return read_cells(_history(), self.names, self.lab.formerly)

    def _shown(
        self, exercises: list[Exercise], checks: list[Check], results: list[Result], end: list[str]
    ) -> tuple[str, str]:
        """The cell's output so far, as HTML and as text."""
        known = {result.check.name: result for result in results}
        parts, lines = [], []
        for exercise in exercises:
            own = [check for check in checks if check.exercise == exercise.name]
            got = sum(c.points for c in own if c.name in known and known[c.name].passed)
            points = f"{got} / {sum(c.points for c in own)} points"
            parts.append(html.heading(exercise.title, points))
            lines.append(f"{exercise.title}   {points}")
            told = next((c for c in own if c.name in known and tells(known[c.name])), None)
            for check in own:
                result = known.get(check.name)
                more = list(facts(self.lab, result)) if result and check is told else []
                parts.append(html.check_row(check, result, more))
                lines.append(f"  {symbol(result.outcome) if result else '…'} {check.title}")
                lines += [_beside(*pair) for pair in more]
        parts += [html.line(text) for text in end]
        return html.box(*parts), "\n".join([*lines, *end])

    def _advice(self, exercises: list[Exercise], results: list[Result]) -> list[str]:
        """What to do next, in a line."""
        missed = next((result for result in results if not result.settled), None)
        if missed is None:
            rest = self.names[self.names.index(exercises[-1].name) + 1 :]
            return [f"All passed. Next: {rest[0]}" if rest else "All passed."]
        name = missed.check.exercise
        if missed.outcome == "not started":
            return [f"{name} is not started: write it in the cell above, and run that cell."]
        if missed.outcome == "missing":
            return [_UNKNOWN.format(name=name)]
        return [f'More help: hint("{name}")']

    def _unsaved(self, live: Answers, names: list[str]) -> list[str]:
        """A remark where the saved notebook, which pytest grades, holds something else."""
        try:
            saved = saved_answers(self.lab).functions
        except MinicontainerError:
            return []
        differ = [n for n in names if live.functions[n].state == WRITTEN]
        differ = [n for n in differ if saved[n].source.strip() != live.functions[n].source.strip()]
        if not differ:
            return []
        return [f"The saved notebook has another {', '.join(differ)}: save it (Ctrl+S)."]

    @_plainly
    def hint(self, exercise: Callable | str = "", number: int = 0) -> None:
        """Show hint `number` (1 to 3), or the next one that was not read yet."""
        found = self._named(exercise, "hint")
        _Display().say(next_hint(self.lab, found, self.store, number))

    @_plainly
    def compare(self, exercise: Callable | str = "") -> None:
        """Show your function beside the package's, once it passes or when you ask twice."""
        found = self._named(exercise, "compare")
        if self.learning and (refusal := self.store.asked_to_show(self.lab, found.name)):
            _Display().say(refusal)
            return
        mine = self._live().functions[found.name].source or "(nothing yet)"
        sources = [undescribed(mine), undescribed(solution(found))]
        _Display().show(*_compared(sources, f"the package's ({found.module})"))

    def _named(self, exercise: Callable | str, command: str) -> Exercise:
        """The exercise meant; raises LabError, which lists all, when none is named."""
        if exercise == "":
            known = ", ".join(self.names)
            what = f'which exercise? For example {command}("{self.names[0]}")'
            raise LabError(what, hint=f"There are: {known}")
        return self.lab.exercise(_name(exercise, self.names))

    @_plainly
    def progress(self) -> None:
        """Show how far you are in this lab."""
        rows, lines = [], []
        for exercise in self.lab.exercises:
            sign, points, *_ = self.store.standing(self.lab, exercise.name)
            score = f"{points:>2}/{self.lab.points(exercise.name)}"
            rows.append(html.row(sign, exercise.title, score))
            lines.append(f"{sign} {exercise.title:<25} {score}")
        _Display().show(html.box(*rows), "\n".join(lines))


def next_hint(
    lab: Lab, exercise: Exercise, store: Progress, number: int = 0, way: str = 'hint("{}", {})'
) -> str:
    """Hint `number` of the exercise, or the next one; remembers that it was read.

    `way` is how to ask for another: where the exercise's name and the number stand.
    """
    count = len(exercise.hints)
    number = max(1, min(number or store.standing(lab, exercise.name).hints + 1, count))
    store.hint_read(lab, exercise.name, number)
    another = f"   (there is another: {way.format(exercise.name, number + 1)})"
    more = another if number < count else ""
    text = exercise.hints[number - 1]
    between = "\n" if "\n" in text else " "  # code begins below
    return f"hint {number} of {count}:{between}{text}{more}"


def _compared(sources: list[str], ours: str) -> tuple[str, str]:
    """The learner's source and ours as HTML and text: side by side where both fit, else a diff."""
    mine, theirs = (source.splitlines() for source in sources)
    if max(map(len, mine), default=0) + max(map(len, theirs)) <= _ROOM:
        columns = list(zip(("yours", ours), sources, strict=True))
        text = "\n\n".join(f"# {title}\n{source}" for title, source in columns)
        return html.box(html.side_by_side(columns)), text
    rows = list(difflib.unified_diff(mine, theirs, "yours", ours, lineterm="", n=len(mine)))
    del rows[2:3]  # line numbers: all lines are here
    rows = rows or [f"  the same as {ours}", *(f" {line}" for line in mine)]
    return html.box(html.difference(rows)), "\n".join(rows)


def _beside(label: str, text: str) -> str:
    """`text` after its label, and its further lines below its first one."""
    further = "\n" + " " * (len(label) + 8)
    return f"      {label}  {further.join(text.splitlines())}"


def _name(function: Callable | str, names: list[str]) -> str:
    """Which of `names` it has in this kernel: a lambda, or what a decorator made, has its own."""
    from IPython import get_ipython

    own = function if isinstance(function, str) else getattr(function, "__name__", str(function))
    space = shell.user_ns if (shell := get_ipython()) else {}
    return next((name for name in names if own not in names and space.get(name) is function), own)


def _history() -> list[Cell]:
    """The cells this kernel has run, in the order they were run."""
    from IPython import get_ipython

    shell = get_ipython()
    history = shell.history_manager.input_hist_raw if shell else []
    return [Cell(f"In [{number}]", source) for number, source in enumerate(history) if source]


class _Display:
    """One output in the cell, which is shown again each time it changes."""

    def __init__(self) -> None:
        self._handle: Any = None

    def say(self, text: str) -> None:
        """Show a line of text, and what follows it (code) as it is."""
        first, _, code = text.partition("\n")
        self.show(html.box(html.line(first), html.pre(code) if code else ""), text)

    def show(self, as_html: str, as_text: str) -> None:
        from IPython.display import display

        bundle = {"text/html": as_html, "text/plain": as_text}
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)

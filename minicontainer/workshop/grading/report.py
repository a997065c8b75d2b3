"""The results as text for a terminal: one screen, what failed first and why.

In: results, in the order of the checks. Out: lines. The form of a failing
check: what was done, expected, found, what the specification says, the hint.
"""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Iterator

from minicontainer.workshop.labs.lab import Exercise, Lab
from minicontainer.workshop.labs.notebook_answers import Answers

from .calls import NOTHING
from .grader import NOT_STARTED, Result

_WIDTH = 78
_LABEL = 11
#: exercises of which a failure is shown; the others have their line
_FULL = 3
#: how many of the last things that a function did are shown; a notebook shows all
_CALLS = 3

SYMBOLS = {"passed": "✓", "not started": "○", "missing": "○", "skipped": "○", "not graded": "○"}


def symbol(outcome: str) -> str:
    """✓ passed, ○ not run, ✗ everything else."""
    return SYMBOLS.get(outcome, "✗")


def hint_of(lab: Lab, result: Result) -> str:
    """What helps with this very failure; "" where nobody can know."""
    if result.mistake:
        return lab.misconceptions[result.mistake].hint
    if result.found.endswith(NOTHING):
        return "return what you have made"
    if result.where and " was raised" in result.found:
        return "your function stopped in that line: look at what it uses there, and how"
    return ""


def report(lab: Lab, answers: Answers, results: list[Result]) -> str:
    """The whole report: a line an exercise, the first failures in full, the score."""
    graded = _by_exercise(lab, results)
    lines = [f"lab {lab.id} · {lab.title}", ""]
    lines += [_exercise_line(lab, exercise, own) for exercise, own in graded]
    failed = [found for _, own in graded if (found := [result for result in own if tells(result)])]
    for first, *others in failed[:_FULL]:
        also = [f"  ✗ also: {result.check.title}" for result in others]
        lines += ["", *failure(lab, first), *also]
    lines += ["", *(f"note: {note}" for note in answers.notes)]
    return "\n".join([*lines, *_ending(lab, results)])


def tells(result: Result) -> bool:
    """Has this result anything to tell, besides that the exercise is not done yet?"""
    return not result.settled and result.outcome not in (*NOT_STARTED, "skipped")


def _by_exercise(lab: Lab, results: list[Result]) -> list[tuple[Exercise, list[Result]]]:
    """The exercises of which there are results, in order, each with its own."""
    pairs = [(e, [r for r in results if r.check.exercise == e.name]) for e in lab.exercises]
    return [(exercise, own) for exercise, own in pairs if own]


def _exercise_line(lab: Lab, exercise: Exercise, results: list[Result]) -> str:
    got, total = _points(results)
    outcomes = {result.outcome for result in results}
    if outcomes == {"passed"}:
        state = "passed"
    elif outcomes <= {"not started"}:
        state = "not started"
    elif outcomes <= {"passed", "not graded"}:
        state = "all passes that can be graded here"
    elif outcomes <= {"missing"}:
        state = f"the cell is missing: ./workshop reset {lab.id} {exercise.name} brings it back"
    else:
        passed = sum(result.passed for result in results)
        state = f"{passed} of {len(results)} checks pass"
    mark = symbol(min(results, key=lambda r: (r.settled, r.passed)).outcome)
    return f"  {mark} {exercise.title:<23} {got:>2}/{total:<2}  {state}"


def _points(results: list[Result]) -> tuple[int, int]:
    got = sum(result.check.points for result in results if result.passed)
    return got, sum(result.check.points for result in results)


def failure(lab: Lab, result: Result) -> Iterator[str]:
    """One failing check in full."""
    check, exercise = result.check, lab.exercise(result.check.exercise)
    head = f"{exercise.title} · {check.title}"
    score = f"0 / {check.points} point{'s' if check.points > 1 else ''}"
    yield f"{head}{score:>{max(_WIDTH - len(head), len(score) + 2)}}"
    yield ""
    for label, text in facts(lab, result):
        yield from _labelled(label, text)
    calls = result.did[: result.did.index("")] if "" in result.did else result.did
    if calls:
        shown = ["…", *calls[-_CALLS:]] if len(calls) > _CALLS else calls
        yield from _labelled("it did", "\n".join(shown))
    yield from _labelled("more", f"./workshop hint {lab.id} {exercise.name}")


def facts(lab: Lab, result: Result) -> Iterator[tuple[str, str]]:
    """What a failing check has to tell, as (label, text), in the order to read it."""
    if result.story:
        yield "", result.story
    if result.expected:
        yield "expected", result.expected
    yield "found", _found(result)
    if result.where:
        yield "where", "\n".join(dict.fromkeys(result.where[-4:]))
    if result.printed:
        yield "printed", result.printed
    if result.rule and result.expected:
        source, _, text = result.rule.partition(": ")
        yield "the rule", f"{text}\n[{source}, in our own words]" if text else source
    if result.outcome == "failed" and result.used:
        yield "note", f"this check also runs your {', '.join(result.used)}"
    if hint := hint_of(lab, result):
        yield "hint", hint


def _found(result: Result) -> str:
    if result.outcome == "timeout":
        return "it did not end in time and was stopped" + (" here:" if result.where else "")
    if result.outcome == "error":
        return f"the check itself failed, which is not your fault: {result.found}"
    return result.found


def _labelled(label: str, text: str) -> Iterator[str]:
    """`label` and beside it `text`, wrapped; without a label at the label's place.

    Words stay whole, but in what was printed.
    """
    indent = "  " if not label else "  " + " " * _LABEL
    start = indent if not label else f"  {label:<{_LABEL}}"
    wrapped = functools.partial(
        textwrap.wrap, width=_WIDTH, subsequent_indent=indent, break_on_hyphens=False
    )
    for line in text.splitlines() or [""]:
        hard = label == "printed"
        yield from wrapped(line, initial_indent=start, break_long_words=hard) or [start]
        start = indent
    if not label:
        yield ""


def _ending(lab: Lab, results: list[Result]) -> list[str]:
    got, total = _points(results)
    lines = [f"score: {got} of {total} points"]
    if ungraded := sum(r.check.points for r in results if r.outcome == "not graded"):
        lines = [f"score: {got} of {total - ungraded} points; {ungraded} more need namespaces,"
                 " which this machine forbids: see ./workshop doctor"]  # fmt: skip
    in_order = [result for _, own in _by_exercise(lab, results) for result in own]
    todo = next((result for result in in_order if not result.settled), None)
    if todo is None:
        return [*lines, f"Lab {lab.id} is done. Well done!" if got == lab.points() else "passed"]
    verb = "start with" if todo.outcome in NOT_STARTED else "go on with"
    exercise = lab.exercise(todo.check.exercise)
    file = f"labs/{lab.id}/{lab.notebook}"
    return [*lines, f"next:  {verb} {exercise.title} in {file}"]

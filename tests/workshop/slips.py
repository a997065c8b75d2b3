"""Answers that stop in the middle, give nothing, give nonsense, never end or never stop talking.

`python -m tests.workshop.slips LAB EXERCISE` grades them all, in forks as warm.py does, and
prints a line of JSON for each: its name, the results in order, the report as a learner sees it.
`python -m tests.workshop.slips [LAB …]` prints the reports of whole labs, to be read.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from functools import partial

from minicontainer.workshop.grading.grader import grade
from minicontainer.workshop.grading.report import failure, tells
from minicontainer.workshop.labs.lab import Lab
from minicontainer.workshop.labs.notebook_answers import Cell, read_cells

from .learner import LABS, reference
from .warm import Forked, loaded

#: seconds of a check's own time after which an endless answer is stopped
_SECONDS = 0.7
BODIES = {
    "nothing": "given = None",
    "name": "return undefined_name",
    "type": "return 1 + 'one'",
    "key": "return {}['nothing-here']",
    "wrong type": "return 3.5",
    "loop": "while True:\n        given = given",
    "print": "print('x' * 1_000_000)",
}
#: what the raising ones raise, as it is told
RAISED = {
    "name": "NameError was raised: name 'undefined_name' is not defined",
    "type": "TypeError was raised: unsupported operand type(s) for +: 'int' and 'str'",
    "key": "KeyError was raised: 'nothing-here'",
    "half": "KeyError was raised: 'late'",
    "late": "KeyError was raised: 'late'",
}


def answers(lab: Lab, exercise: str) -> dict[str, str]:
    """The cells by their names: short bodies, and ours with an exception in the middle or late."""
    cells = {
        name: f"def {exercise}(*given, **named):\n    {body}\n" for name, body in BODIES.items()
    }
    return {**cells, "half": half(lab, exercise), "late": late(lab, exercise)}


def half(lab: Lab, exercise: str) -> str:
    """Our function, with an exception behind half of its statements."""
    tree, function = _parsed(lab, exercise)
    middle = 1 + (len(function.body) - 1) // 2
    function.body.insert(middle, ast.parse("raise KeyError('late')").body[0])
    return ast.unparse(tree)


def late(lab: Lab, exercise: str) -> str:
    """Our function, which raises instead of returning: what it should do is done."""
    tree, function = _parsed(lab, exercise)
    _Late().visit(function)
    function.body += ast.parse("raise KeyError('late')").body
    return ast.unparse(tree)


def _parsed(lab: Lab, exercise: str) -> tuple[ast.Module, ast.FunctionDef]:
    tree = ast.parse(reference(lab, exercise))
    [function] = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return tree, function


class _Late(ast.NodeTransformer):
    def visit_Return(self, node: ast.Return) -> list[ast.stmt]:
        value = ast.Assign([ast.Name("value", ast.Store())], node.value or ast.Constant(None))
        return [ast.fix_missing_locations(value), *ast.parse("raise KeyError('late')").body]

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        return node


def graded(lab: Lab, exercise: str) -> Iterator[dict]:
    """For each answer: its name, its results, and the report on the first that did not pass."""
    checks = [check for check in lab.checks if check.exercise == exercise]
    tests = loaded(lab, exercise)
    seconds = tests.seconds
    for name, source in answers(lab, exercise).items():
        found = read_cells([Cell("cell 1", source)], lab.names)
        tests.seconds = (lambda _: _SECONDS) if name == "loop" else seconds  # type: ignore[method-assign]
        results = list(grade(lab, found, checks, start=partial(Forked, tests, None)))
        told = [result for result in results if tells(result)]
        yield {
            "name": name,
            "results": [r._replace(check=r.check.name)._asdict() for r in results],
            "report": "\n".join(failure(lab, told[0])) if told else "everything passes",
        }


def main(arguments: list[str]) -> None:
    """Of one exercise as JSON, or of whole labs to be read."""
    if len(arguments) == 2 and not arguments[1].isdigit():
        lab = next(lab for lab in LABS if lab.id == arguments[0])
        for one in graded(lab, arguments[1]):
            print(json.dumps(one), flush=True)
        return
    from .test_slips import verdicts

    for lab in LABS:
        for exercise in lab.names if not arguments or lab.id in arguments else ():
            for name, one in verdicts(lab, exercise).items():
                print(f"\n======== {lab.id} {exercise}: {name}\n{one['report']}")
                others = [r for r in one["results"] if r["outcome"] not in ("passed", "skipped")]
                for result in others[1:]:
                    print(f"  also: {result['found']}  [{result['mistake']}]")


if __name__ == "__main__":
    main(sys.argv[1:])

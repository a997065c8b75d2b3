"""What the kernel defines, the grader has: the same cells through both.

One warm IPython shell and the overlay get the same generated cells; what each of
the notebook's functions gives must be the same, and what the one refuses the other refuses.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unicodedata import category

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell

from minicontainer.workshop.grading.grader import grade
from minicontainer.workshop.labs.book import Book
from minicontainer.workshop.labs.cells import Cell, mended, parse
from minicontainer.workshop.labs.notebook_answers import BROKEN, WRITTEN, read_cells, saved_answers
from minicontainer.workshop.labs.overlay import Overlay

from .learner import (
    LAB03,
    LABS,
    answers_of,
    checkout,
    in_checkout,
    put,
    reference,
    results_of,
    run_pytest,
    run_workshop,
)

#: cells that give something to a name; the name stands for NAME
DEFINITIONS = (
    "NAME = lambda *a: sorted(a) if a else ['NAME']",
    "import collections\nNAME = collections.namedtuple('Pair', 'left right')(1, 2)",
    "NAME, _rest = [1], 2",
    "(NAME, *_rest), _last = (1, 2, 3), 4",
    "import re\nNAME = re.compile('a+').findall('baac')",
    "import logging\nNAME = logging.getLogger('x').name",
    "NAME = 1\nNAME += 41",
    "NAME = {}\nNAME['a'] = 1\nNAME['b'] = len(NAME)",
    "NAME = []\nNAME.append(1)\nNAME.extend([2])",
    "NAME = []\nfor _i in range(3):\n    NAME.append(_i)",
    "NAME = {}\nfor NAME['k'] in 'ab': pass",
    "NAME = {}\ndef _put(k, v): NAME[k] = v\n_put('a', 1)",
    "NAME = {}\ndef _mark(f):\n    NAME[f.__name__] = 1\n    return f\n@_mark\ndef _one(): pass",
    "if True:\n    from json import dumps as NAME\nNAME = NAME([1])",
    "try:\n    import tomllib as NAME\nexcept ImportError:\n    NAME = None\nNAME = NAME.__name__",
    "try:\n    from nowhere import NAME\nexcept ImportError:\n    NAME = 'none'",
    "from dataclasses import dataclass, field\n@dataclass\nclass NAME:\n"
    "    a: int = 1\n    b: list = field(default_factory=list)\nNAME = repr(NAME(2))[-12:]",
    "from typing import NamedTuple\nclass NAME(NamedTuple):\n    a: int\nNAME = NAME(3).a",
    "import enum\nclass NAME(enum.Enum):\n    A = 1\nNAME = NAME.A.value",
    "def _deco(f):\n    return lambda: f() + 1\n@_deco\ndef NAME(): return 1\nNAME = NAME()",
    "import functools\n@functools.cache\ndef NAME(): return 7\nNAME = NAME()",
    "import functools\n@functools.singledispatch\ndef _d(x): return 'any'\n"
    "@_d.register\ndef _(x: int): return 'int'\ndef NAME(): return _d(1)\nNAME = NAME()",
    "with __import__('contextlib').suppress(ValueError):\n    NAME = 5",
    "if (NAME := 4) > 3: pass",
    "match [1, 2]:\n    case [NAME, _]: pass",
    "def _set():\n    global NAME\n    NAME = 9\n_set()",
    "NAME = 1\ndef _more():\n    global NAME\n    NAME += 1\n_more()",
    "globals()['NAME'] = 6",
    "class _Box: pass\nNAME = _Box()\nNAME.value = 3\nNAME = vars(NAME)",
    "from os.path import *  # all\nNAME = join('a', 'b')",
    "import os\nos.environ['KERNEL_TEST'] = 'NAME'\nNAME = os.environ['KERNEL_TEST']",
    "if __name__ == '__main__':\n    NAME = 'main'",
    "async def _later(): return 8\nNAME = await _later()",
    "NAME = [1]\ndel NAME\nNAME = 2",
    "NAME = 'kept'\nprint(NAME)\nNAME",
    "NAME = [3, 1]\nsorted(NAME)\nNAME.sort()",
    "NAME: list[Unknown] = [1]",
    "NAME = 1; _other = 2",
)
WRONG = ("NAME = 1 / 0", "NAME = undefined_name", "from json import nothing as NAME")


def _plain(source: str) -> str:
    return source


def _indented(source: str) -> str:
    return "\n".join(f"    {line}" for line in source.split("\n"))


def _prompted(source: str) -> str:
    lines = source.split("\n")
    return "\n".join(f"{'...' if line[:1] in ' @' else '>>>'} {line}" for line in lines)


def _timed(source: str) -> str:
    """IPython refuses to wait in such a cell."""
    return source if "await" in source else f"%%time\n{source}"


def _with_blank_lines(source: str) -> str:
    return f"\n\n  \n{source}\n"


def _with_magics(source: str) -> str:
    return f"%pwd\n!true \\\n   && true\n_files = !ls\n{source}\nlen?"


FORMS = (_plain, _indented, _prompted, _timed, _with_blank_lines, _with_magics)


@st.composite
def notebooks(draw: Any) -> list[str]:
    """Cells that define a, b, c … in all the forms that cells have, and an answer using them."""
    cells, used = [], []
    for _ in range(draw(st.integers(1, 6))):
        name = draw(st.sampled_from("abcde"))
        source = draw(st.sampled_from(DEFINITIONS)).replace("NAME", name)
        cells.append(draw(st.sampled_from(FORMS))(source))
        used.append(name)
    values = ", ".join(sorted(set(used)))
    answer = f"def digest_of():\n    return [v(2, 1) if callable(v) else v for v in ({values},)]"
    cells.insert(draw(st.integers(0, len(cells))), answer)
    return cells


@pytest.fixture(scope="module")
def shell() -> Iterator[InteractiveShell]:
    """One warm shell; what it prints goes nowhere."""
    made = InteractiveShell()
    made.colors = "nocolor"
    made.system = made.getoutput = lambda *command: None
    made.displayhook.flush = lambda: None  # collects garbage, which takes most of the time
    yield made
    made.history_manager.end_session()


def _through_the_kernel(shell: InteractiveShell, cells: list[str]) -> Any:
    """What `digest_of` gives, or the kind of the first error."""
    shell.reset(new_session=False)
    for cell in ("from __future__ import annotations", *cells):
        done = shell.run_cell(cell, store_history=False)
        if not done.success:
            return type(done.error_before_exec or done.error_in_exec).__name__
    return shell.ev("digest_of()")


def _through_the_grader(cells: list[str]) -> Any:
    """What the learner's `digest_of` gives, in this process."""
    answers = read_cells([Cell(f"cell {n}", cell) for n, cell in enumerate(cells, 1)], LAB03.names)
    overlay = Overlay()
    overlay.places["digest_of"] = "some.module"
    overlay.books["digest_of"] = Book(answers, [LAB03.exercise("digest_of")], Path("/nowhere"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "__main__", None)
        return overlay.function("digest_of")()


@given(notebooks())
@settings(max_examples=200, deadline=None, report_multiple_bugs=False)
def test_what_the_kernel_defines_the_grader_has(shell: InteractiveShell, cells: list[str]) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        assert _through_the_grader(cells) == _through_the_kernel(shell, cells)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_an_error_stands_on_the_line_of_the_cell(form) -> None:
    source = form("x = 1\ndef digest_of(content):\n    raise KeyError(content)")
    where = results_of(LAB03, "digest_of", source)[0].where[-1]
    number = next(n for n, line in enumerate(source.split("\n"), 1) if "raise" in line)
    assert where.startswith(f"cell 1, line {number}: ") and "raise KeyError" in where


#: cells before and after `digest_of`, its body, and what the learner is told
REFUSED = {
    "its first cause": (
        "x = 1\nTABLE = {}\nTABLE['a'] = 1 / 0",
        "return TABLE['a']",
        ("KeyError was raised: 'a'", "before that, cell 1, line 3: ZeroDivisionError: division"),
    ),
    "an import": ("import nowhere", "return nowhere.x", ("No module named 'nowhere'",)),
    "a syntax error": (
        "def helper(:\n    pass",
        "return helper()",
        ("name 'helper' is not defined", "before that, cell 1 is skipped, line 1: "),
    ),
    "a late __future__": (
        "import os as system\nfrom __future__ import annotations",
        "return system.name",
        ("before that, cell 1 is skipped, line 2: from __future__ imports must occur",),
    ),
    "the end": ("import sys\nSTATUS = sys.exit(3)", "return STATUS", ("line 2: SystemExit: 3",)),
    "the shell": ("files = !ls", "return files", ("cell 1, line 1 is not run here",)),
    "a timed cell": ("%%timeit\nHELPER = 1", "return HELPER", ("%%timeit keeps nothing",)),
    "an unknown magic": ("%%polars\nHELPER = 1", "return HELPER", ("%%polars keeps nothing",)),
    "a return": ("HELPER = 1\nreturn 2", "return HELPER", ("'return' outside function",)),
}


@pytest.mark.parametrize("cause", REFUSED)
def test_what_the_kernel_refuses_is_told(cause: str) -> None:
    cell, body, told = REFUSED[cause]
    answers = answers_of(LAB03, cell, f"def digest_of(content):\n    {body}")
    [first, *_] = grade(LAB03, answers, [c for c in LAB03.checks if c.exercise == "digest_of"])
    assert first.outcome == "failed"
    for text in told:
        assert text in first.found, first


COVERED = (
    "from minicontainer.step03_image.digest import digest_of",
    "digest_of = digest_of(b'x')",
    "digest_of = 'sha256:0'",
    "digest_of = {}",
    "for digest_of in range(3): pass",
    "digest_of: int = 3",
    "(digest_of, x) = 1, 2",
)


@pytest.mark.parametrize("later", COVERED)
def test_a_name_that_stands_for_something_else_later_is_told(later: str) -> None:
    answers = answers_of(LAB03, reference(LAB03, "digest_of"), f"y = 1\n{later}")
    answer = answers.functions["digest_of"]
    assert answer.state == BROKEN
    assert answer.problem.startswith("cell 2, line 2: the name digest_of stands for something else")
    assert later in answer.problem
    again = answers_of(LAB03, later, reference(LAB03, "digest_of"))
    assert again.functions["digest_of"].state == WRITTEN


def test_what_comes_to_no_function_is_told() -> None:
    for source, kind in (("digest_of = dict(a=1)", "dict"), ("digest_of = max(1, 2)", "int")):
        result = results_of(LAB03, "digest_of", source)[0]
        assert f"digest_of is of type {kind}, no function" in result.found


@pytest.mark.parametrize(
    "wrapped",
    [
        "import hashlib\ndigest_of = lambda c: f'sha256:{hashlib.sha256(c).hexdigest()}'",
        "def trace(f):\n    def wrapper(*a): return f(*a)\n    return wrapper\n@trace\nREFERENCE",
        "REFERENCE\nimport functools\ndigest_of = functools.cache(digest_of)",
        "if True:\n    INDENTED",
        "REFERENCE\nby_hand = digest_of\nclass Digest:\n    def __call__(self, c):\n"
        "        return by_hand(c)\ndigest_of = Digest()",
    ],
)
def test_a_function_of_any_make_is_graded(wrapped: str) -> None:
    body = reference(LAB03, "digest_of")
    source = wrapped.replace("REFERENCE", body).replace("INDENTED", body.replace("\n", "\n    "))
    assert all(result.passed for result in results_of(LAB03, "digest_of", source))


HELPER = "import hashlib\ndef hexadecimal(content): return hashlib.sha256(content).hexdigest()\n"
BY_HELPER = "import helpers\ndef digest_of(c): return 'sha256:' + helpers.hexadecimal(c)"


def test_a_module_beside_the_notebook_is_found_everywhere(tmp_path: Path) -> None:
    lab = checkout(tmp_path, answers={"digest_of": BY_HELPER})
    (lab.directory / "helpers.py").write_text(HELPER)
    other = checkout(tmp_path, next(other for other in LABS if other.id == "04"))
    (other.directory / "helpers.py").write_text("def parse(text): return 'parsed ' + text")
    answer = "from helpers import parse\ndef parse_reference(text): return parse(text)"
    put(other, "parse_reference", answer)
    assert "✓ 03.1 digest_of" in run_pytest(lab).stdout
    assert "✓ 03.1 digest_of" in run_workshop(lab, "check", "03").stdout
    done = in_checkout(lab, MINE)
    assert done.stdout.splitlines()[-2:] == ["sha256:2d711642b7", "parsed x"], done.stderr


#: with --mine: what two exercises of two labs give
MINE = """
from minicontainer.workshop.labs import overlay
print(overlay.install_mine())
from minicontainer.step03_image.digest import digest_of
from minicontainer.step04_registry.reference import parse_reference
print(digest_of(b"x")[:17])
print(parse_reference("x"))
"""


def test_mine_says_what_is_left_out(tmp_path: Path) -> None:
    cells = {
        "digest_of": "def digest_of(content:\n    pass",
        "extra": "def helper(a)\n    return a",
    }
    cells["more"] = "import sys\nSTATUS = sys.exit(0)"
    cells["chain_ids"] = "def chain_ids(diff_ids): return [helper(STATUS)]"
    lab = checkout(tmp_path, answers=cells)
    said = in_checkout(lab, "from minicontainer.workshop.labs import overlay\n"
                            "print(overlay.install_mine())").stdout.splitlines()  # fmt: skip
    assert said[0].startswith("1 of ")
    assert "  lab 03  chain_ids" in said
    assert any(
        line.startswith("  lab 03  digest_of is left out: image.ipynb cell") for line in said
    )
    assert any("  lab 03  note: image.ipynb cell" in line and "skipped" in line for line in said)
    assert any("  lab 03  chain_ids needs what failed: image.ipynb" in line for line in said)


#: a source, where its character stands and how it is called, and what comes in its place
UNSEEN = {
    "\ufeffdef digest_of(c):\n    return c": (1, 1, "ZERO WIDTH NO-BREAK SPACE", ""),
    "def digest_of(c):\n\u00a0   return c": (2, 1, "NO-BREAK SPACE", " "),
    "x = '\u00a0'\nx\u00a0= 1\ndef digest_of(c): return c": (2, 2, "NO-BREAK SPACE", " "),
    "x = 1\u200b\ndef digest_of(c): return c": (1, 6, "ZERO WIDTH SPACE", ""),
    "%%time\n  x =\u3000 1\n  def digest_of(c): return c": (2, 4, "IDEOGRAPHIC SPACE", " "),
}


@pytest.mark.parametrize("source", UNSEEN)
def test_what_nobody_sees_is_named_and_mended(source: str, tmp_path: Path) -> None:
    line, column, name, blank = UNSEEN[source]
    answer = answers_of(LAB03, source).functions["digest_of"]
    assert answer.state == BROKEN
    assert f"line {line}: in column {column} stands {name}, which Python" in answer.problem
    assert "./workshop mend puts it right" in answer.problem
    assert not isinstance(parse(mended(source)), SyntaxError)
    unseen = re.sub("'.'|[ -~\n]", "", source)
    assert mended(source) == f"{blank}".join(source.rsplit(unseen, 1))
    lab = checkout(tmp_path, answers={"digest_of": source})
    before = lab.notebook_path().read_bytes()
    said = run_workshop(lab, "mend", "03").stdout
    assert said.startswith("image.ipynb has blanks that Python takes again")
    assert saved_answers(lab, "labs").functions["digest_of"].state == WRITTEN
    [kept] = (lab.root / ".workshop/kept").iterdir()
    assert kept.read_bytes() == before


@given(st.text(st.sampled_from("ab =1()'\n\t#\u00a0\u200b\ufeff\u3000\u00ad")) | st.text())
@example("\n\u00a0")
@settings(max_examples=100, deadline=None)
def test_mending_ends_and_touches_nothing_else(source: str) -> None:
    before, after = ([c for c in text if category(c) not in ("Zs", "Cf")]
                     for text in (source, mended(source)))  # fmt: skip
    assert before == after
    assert mended(mended(source)) == mended(source)


def test_an_endless_loop_outside_of_functions_points_at_its_line() -> None:
    loop = "TABLE = []\nwhile True:\n    TABLE.append(1) if len(TABLE) < 9 else None"
    answers = answers_of(LAB03, loop, "def digest_of(content): return TABLE[0]")
    [first, *_] = grade(LAB03, answers, [c for c in LAB03.checks if c.exercise == "digest_of"])
    assert first.outcome == "timeout"
    assert first.where[-1].startswith("cell 1, line ")

"""Nothing that a learner's code does scores without being right, or outlives its check."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from minicontainer.workshop.grading.grader import Result, grade
from tests.programs import needs_namespaces
from tests.waiting import until

from .learner import LAB03, LABS, ROOT, answers_of, checkout, reference, results_of, run_pytest

LAB01 = next(lab for lab in LABS if lab.id == "01")
CHECKS = [check for check in LAB03.checks if check.exercise == "digest_of"]
RIGHT = "'sha256:' + hashlib.sha256(content).hexdigest()"


def _digest_of(*lines: str, gives: str = "''", above: str = "") -> str:
    """A cell with a digest_of of these lines."""
    body = "".join(f"    {line}\n" for line in (*lines, f"return {gives}"))
    return f"import hashlib, os, sys, threading, time\n{above}\ndef digest_of(content):\n{body}"


def _results(source: str, isolate: bool = True) -> list[Result]:
    return list(grade(LAB03, answers_of(LAB03, source), CHECKS, isolate))


LINES = "\\n".join(
    f'{{"start": "{check.name}", "seconds": 1}}\\n{{"done": "{check.name}", "outcome": "passed"}}'
    for check in CHECKS
)
EVERYWHERE = (
    "for fd in range(1, 64):",
    "    try: os.write(fd, line.encode())",
    "    except OSError: pass",
)


@pytest.mark.parametrize("isolate", [True, False])
@pytest.mark.parametrize("line", [f"{LINES}\\n", f"\\n{LINES}", '\\n{"ready": 1'])
def test_a_line_that_is_written_is_no_result(line: str, isolate: bool) -> None:
    results = _results(_digest_of(f"line = '''{line}'''", *EVERYWHERE), isolate)
    assert [(r.outcome, r.found) for r in results] == [("failed", "''")] * len(CHECKS)


def test_a_line_that_is_written_is_no_answer_of_a_process_apart() -> None:
    lines = ["line = '{\"value\": 7}\\n'", *EVERYWHERE, "os._exit(0)"]
    source = "import os\ndef run(argv, root=None):\n" + "".join(f"    {line}\n" for line in lines)
    assert not any(result.passed for result in results_of(LAB01, "run", source))


@pytest.mark.parametrize(
    "change",
    [
        "checks.expect = pass_by",
        "sys.modules['test_image'].expect = pass_by",
        "checks.expect.__code__ = pass_by.__code__",
        "checks.Raises.__eq__ = pass_by",
        "main.Tests._outcome = lambda *_: {'outcome': 'passed'}",
        "main.Tests._outcome.__code__ = (lambda *_: {'outcome': 'passed'}).__code__",
        "import builtins; builtins.sorted = pass_by",
    ],
)
def test_what_checks_is_not_replaced(change: str) -> None:
    head = "from minicontainer.workshop.grading import checks\nmain = sys.modules['__main__']\n"
    head += "def pass_by(*given, **named): return None\n"
    for source in (
        _digest_of(change, above=head),
        _digest_of(above=f"{head}\nclass Now:\n    {change.replace('; ', chr(10) + '    ')}\n"),
    ):
        assert not any(result.passed for result in _results(source))


EQUAL = """
class Equal{base}:
    __hash__ = None
    def __eq__(self, other): return True
    def __ne__(self, other): return False
"""


@pytest.mark.parametrize(
    ("base", "gives"),
    [
        ("", "Equal()"),
        ("(str)", "Equal()"),
        ("(list)", "Equal()"),
        ("", "[Equal()]"),
        ("", "{'a': (Equal(),)}"),
        ("", "__import__('unittest.mock').mock.ANY"),
    ],
)
def test_what_is_equal_to_everything_is_no_answer(base: str, gives: str) -> None:
    above = EQUAL.format(base=base)
    for name, arguments in (("digest_of", "content"), ("read_blob", "layout, descriptor")):
        source = f"{above}\ndef {name}({arguments}):\n    return {gives}\n"
        assert not any(result.passed for result in results_of(LAB03, name, source))


@pytest.mark.parametrize("gives", ["checks.Raised(ImageError('no'))", "Pretender()"])
def test_an_error_is_raised_and_not_returned(gives: str) -> None:
    source = (
        "from minicontainer.workshop.grading import checks\nfrom minicontainer.errors import *\n"
        "class Pretender:\n    __class__ = checks.Raised\n    error = ImageError('no')\n"
        f"def resolve(layout, descriptor, wanted):\n    return {gives}\n"
    )
    assert not any(result.passed for result in results_of(LAB03, "resolve", source))


@needs_namespaces
def test_solutions_are_not_within_reach() -> None:
    """The package's source is: see labs/README.md."""
    solved = LAB03.notebook_path("solutions")
    assert solved.exists()
    [*_, last] = _results(_digest_of(f"return os.listdir({str(ROOT / 'solutions')!r})"))
    assert last.found == "[]"
    [*_, last] = _results(_digest_of(f"return open({str(solved)!r}).read()"))
    assert "FileNotFoundError was raised" in last.found


@needs_namespaces
@pytest.mark.parametrize(
    "lines",
    [
        ["os.closerange(0, 4096)"],
        ["os.closerange(3, 4096)", "for n in range(3, 64): os.dup2(0, n)"],
        ["sys.stdout.close()", "sys.__stdout__.close()", "sys.stderr.close()"],
        ["os.chdir('/')", "os.umask(0o777)", "sys.setrecursionlimit(100)"],
        ["import signal", "signal.signal(signal.SIGCHLD, signal.SIG_IGN)"],
    ],
)
def test_a_right_answer_may_do_what_it_likes_to_its_process(lines: list[str]) -> None:
    results = _results(_digest_of(*lines, gives=RIGHT))
    assert all(result.passed for result in results), results


@needs_namespaces
def test_nothing_outlives_a_check() -> None:
    """Neither a process nor a thread that the first check left is there in the second."""
    look = "len([n for n in os.listdir('/proc') if n.isdigit()]), threading.active_count()"
    source = _digest_of(
        f"assert ({look}) == (2, 1), ({look})",
        "if os.fork() == 0:",
        "    os.setsid()",
        "    time.sleep(60)",
        "threading.Thread(target=time.sleep, args=(60,)).start()",
        gives=RIGHT,
    )
    results = _results(source)
    assert all(result.passed for result in results), results


@pytest.fixture
def marked(monkeypatch, tmp_path: Path) -> bytes:
    """Something in the environment of each process that is started; temporary files go here."""
    mark = secrets.token_hex(8)
    monkeypatch.setenv("WORKSHOP_TEST", mark)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return mark.encode()


def _processes(mark: bytes) -> list[int]:
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            found += [int(environ.parent.name)] if mark in environ.read_bytes() else []
    return found


LEAVING = _digest_of(
    "if os.fork() == 0:", "    os.setsid()", "    if os.fork() == 0: os.setsid()", "while True:",
    "    time.sleep(0.1)",
)  # fmt: skip
GRADE = """
from tests.workshop.learner import LAB03, answers_of
from minicontainer.workshop.grading.grader import grade
for result in grade(LAB03, answers_of(LAB03, {source!r}), isolate={isolate}): print(result)
"""


def _starts(isolate: bool) -> subprocess.Popen:
    code = GRADE.format(source=LEAVING, isolate=isolate)
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.DEVNULL)


@needs_namespaces
@pytest.mark.parametrize("isolate", [True, False])
def test_nothing_is_left_after_kill_9_of_who_grades(marked, tmp_path: Path, isolate: bool) -> None:
    grader = _starts(isolate)
    assert until(lambda: len(_processes(marked)) > 4, 10)
    grader.kill()
    grader.wait()
    assert until(lambda: not _processes(marked) and not os.listdir(tmp_path), 5), (
        _processes(marked),
        os.listdir(tmp_path),
    )


@needs_namespaces
@pytest.mark.parametrize("isolate", [True, False])
def test_nothing_is_left_after_kill_9_of_whoever_else(
    marked, tmp_path: Path, isolate: bool
) -> None:
    grader = _starts(isolate)
    assert until(lambda: len(_processes(marked)) > 4, 10)
    guard = next(pid for pid in sorted(_processes(marked)) if pid != grader.pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(guard, signal.SIGKILL)
    grader.wait(30)
    if isolate:  # else its orphans are nobody's
        assert until(lambda: not _processes(marked), 5), _processes(marked)
    for pid in _processes(marked):
        os.kill(pid, signal.SIGKILL)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="a guard adopts orphans on Linux alone")
def test_without_namespaces_nothing_is_left_either(marked, tmp_path: Path) -> None:
    leaving = _digest_of("if os.fork() == 0:", "    os.setsid()", "    time.sleep(60)", gives=RIGHT)
    assert all(result.passed for result in _results(leaving, isolate=False))
    assert _processes(marked) == []


def test_odd_characters_of_a_name_can_be_shown(tmp_path: Path) -> None:
    lab = checkout(
        tmp_path, answers={"digest_of": _digest_of("raise OSError(os.fsdecode(b'a\\xff'))")}
    )
    done = run_pytest(lab)
    assert "OSError was raised: a" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_an_exit_at_the_top_of_a_cell_is_told(tmp_path: Path) -> None:
    source = f"STATUS = sys.exit(0)\n{reference(LAB03, 'digest_of')}"
    lab = checkout(tmp_path, answers={"digest_of": f"import sys\n{source}"})
    done = run_pytest(lab)
    assert "✓ 03.1 digest_of" in done.stdout
    code = "from minicontainer.cli.minicontainer import main; main()"
    command = [sys.executable, "-c", code, "--mine", "images"]
    mine = subprocess.run(command, cwd=lab.root, capture_output=True, text=True, check=False)
    assert "1 of 9 functions are yours" in mine.stdout + mine.stderr
    assert mine.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGCHLD")
def test_how_a_check_ended_is_known_where_children_are_ignored() -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        [first, *_] = _results(_digest_of("os._exit(3)"))
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert "exit status 3" in first.found

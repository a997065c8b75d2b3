"""Whatever stands in a cell: it is graded, explained, and the machine is unharmed."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import subprocess
import sys
import time
from pathlib import Path

import pytest

from minicontainer.workshop.grading import isolation
from minicontainer.workshop.grading.grader import Result, grade
from minicontainer.workshop.grading.report import failure
from minicontainer.workshop.labs.lab import Lab
from tests.programs import lasting_mounts, needs_namespaces, needs_readable, needs_root
from tests.runtimes import STRANGER
from tests.waiting import until

from .learner import LAB03, LABS, ROOT, answers_of, checkout, reference, results_of, run_pytest

HEAD = "import os, signal, subprocess, sys\n\n\ndef digest_of(content):\n"


def _first(body: str) -> Result:
    """The first result for a digest_of with this body."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return results_of(LAB03, "digest_of", HEAD + lines)[0]


@pytest.fixture
def marked(monkeypatch) -> bytes:
    """Something in the environment of every process that the grader starts."""
    mark = secrets.token_hex(8)
    monkeypatch.setenv("WORKSHOP_TEST", mark)
    return mark.encode()


def _processes(mark: bytes) -> list[Path]:
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            found += [environ.parent] if mark in environ.read_bytes() else []
    return found


def test_endless_loop_points_at_its_line() -> None:
    result = _first("count = 0\nwhile True:\n    count += 1")
    assert result.outcome == "timeout"
    assert result.where[-1] in ("cell 1, line 6: while True:", "cell 1, line 7: count += 1")
    assert result.story == "digest_of(b'hello, image\\n') was called"


def test_endless_loop_that_catches_everything() -> None:
    result = _first("while True:\n    try:\n        pass\n    except BaseException:\n        pass")
    assert result.outcome == "timeout"
    assert "cell 1" in result.where[-1]


def test_endless_loop_costs_the_rest_of_its_exercise_only() -> None:
    loop = "def digest_of(content):\n    while True:\n        pass\n"
    names = ("digest_of", "safe_path")
    answers = answers_of(LAB03, loop, reference(LAB03, "safe_path"))
    results = list(grade(LAB03, answers, [c for c in LAB03.checks if c.exercise in names]))
    assert [r.outcome for r in results[:2]] == ["timeout", "skipped"]
    assert all(result.passed for result in results[2:])


@pytest.mark.parametrize("status", [0, 3])
def test_os_exit(status: int) -> None:
    result = _first(f"os._exit({status})")
    assert result.outcome == "crashed"
    assert f"exit status {status}" in result.found


def test_sys_exit() -> None:
    result = _first("sys.exit(3)")
    assert result.outcome == "failed"
    assert "SystemExit was raised: 3" in result.found


def test_segmentation_fault() -> None:
    result = _first("import ctypes\nctypes.string_at(0)")
    assert result.outcome == "crashed"
    assert "SIGSEGV" in result.found


def test_a_megabyte_printed() -> None:
    result = _first("print('x' * 1_000_000)\nos.write(1, b'y' * 1_000_000)\nreturn ''")
    assert result.outcome == "failed"
    assert "more" in result.printed
    assert len("\n".join(failure(LAB03, result))) < 3000


def test_no_memory() -> None:
    result = _first("return 'x' * 10**11")
    assert "MemoryError" in result.found


@needs_namespaces
def test_fork_bomb_ends(marked: bytes) -> None:
    result = _first("while True:\n    try:\n        os.fork()\n    except OSError:\n        pass")
    assert result.outcome == "timeout"
    assert _processes(marked) == []


@needs_namespaces
def test_processes_left_behind_end_with_the_check(marked: bytes) -> None:
    assert _first("if os.fork() == 0:\n    os.setsid()\n    while True: pass\nreturn ''").found
    assert _processes(marked) == []


@needs_namespaces
def test_killing_the_parent_and_everybody() -> None:
    for body in ("os.kill(os.getppid(), 9)", "os.kill(-1, 9)", "os.kill(0, 9)"):
        assert _first(body).outcome in ("failed", "crashed")


@needs_namespaces
def test_removing_everything(tmp_path: Path) -> None:
    """`rm -rf /` of what this user may write, and of the labs themselves."""
    victim = tmp_path / "precious"
    victim.write_text("data")
    lab = checkout(tmp_path)
    command = f"rm -rf {tmp_path} /tmp/../{tmp_path} 2>&1; rm -rf --no-preserve-root /var/tmp 2>&1"
    result = _first(f"return subprocess.getoutput({command!r})[:200]")
    assert "Read-only file system" in result.found
    assert victim.read_text() == "data"
    assert lab.notebook_path().exists()


@needs_namespaces
def test_unmounting_everything() -> None:
    before = lasting_mounts()
    _first("return subprocess.getoutput('umount -R -l / ; umount -a -l')")
    assert lasting_mounts() == before


@needs_namespaces
def test_no_device_is_within_reach() -> None:
    result = _first("return repr(sorted(os.listdir('/dev')))")
    for name in ("null", "zero", "urandom", "pts"):
        assert name in result.found
    assert "sda" not in result.found and "kmsg" not in result.found


@needs_namespaces
def test_the_learners_code_is_not_root_outside() -> None:
    mark = "workshop-kill-test"
    sleeper = subprocess.Popen([sys.executable, "-c", f"import time; '{mark}'; time.sleep(30)"])
    try:
        result = _first(f"os.kill({sleeper.pid}, 9)")
        assert "ProcessLookupError" in result.found
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()


def test_nothing_is_left_in_the_temporary_directory(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    _first("os._exit(1)")
    assert os.listdir(tmp_path) == []


def test_pytest_leaves_nothing_in_the_temporary_directory(tmp_path: Path, monkeypatch) -> None:
    lab = checkout(tmp_path / "checkout", answers={"digest_of": reference(LAB03, "digest_of")})
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    for options in ((), ("-x",)):
        run_pytest(lab, *options)
        assert os.listdir(tmp_path / "temporary") == []


def test_deleted_cell(tmp_path: Path) -> None:
    lab = checkout(tmp_path, answers={"apply_layer": "# gone"})
    done = run_pytest(lab)
    assert "./workshop reset 03 apply_layer brings it back" in done.stdout


def test_two_definitions(tmp_path: Path) -> None:
    good = reference(LAB03, "digest_of")
    lab = checkout(tmp_path, answers={"digest_of": "def digest_of(content): return ''", "x": good})
    done = run_pytest(lab)
    assert "✓ 03.1 digest_of" in done.stdout
    assert "note: digest_of is defined in image.ipynb cell" in done.stdout
    assert "the last one counts" in done.stdout


def test_two_definitions_in_one_cell(tmp_path: Path) -> None:
    twice = f"def digest_of(content): return ''\n{reference(LAB03, 'digest_of')}"
    notes = answers_of(LAB03, twice).notes
    assert notes == ["digest_of is defined twice in cell 1: the last one counts"]


def test_syntax_error_in_a_helpers_cell_is_noted() -> None:
    notes = answers_of(LAB03, "x = 1", "def helper(a)\n    return a", "%%sh\nif then").notes
    assert notes == ["cell 2 is skipped, line 1: expected ':'"]


def test_syntax_error_fails_its_own_exercise_alone(tmp_path: Path) -> None:
    broken = "def digest_of(content):\n    return hashlib.sha256(content"
    lab = checkout(
        tmp_path, answers={"digest_of": broken, "chain_ids": reference(LAB03, "chain_ids")}
    )
    done = run_pytest(lab)
    assert "✗ 03.1 digest_of" in done.stdout
    assert "✓ 03.5 chain_ids" in done.stdout
    assert "line 2: '(' was never closed" in done.stdout
    assert "^" in done.stdout
    assert "Traceback" not in done.stdout


def test_magics_and_other_statements_are_not_run(tmp_path: Path) -> None:
    cell = "%matplotlib inline\n!rm -rf x\nfiles = !ls\nprint?\nraise SystemExit('ran')\n"
    cell += reference(LAB03, "digest_of") + "\ndigest_of(b'')\n%timeit digest_of(b'')"
    lab = checkout(tmp_path, answers={"digest_of": cell, "x": "%%bash\nexit 1", "y": "1/0"})
    assert "✓ 03.1 digest_of" in run_pytest(lab).stdout


def test_missing_notebook(tmp_path: Path) -> None:
    lab = checkout(tmp_path)
    lab.notebook_path().unlink()
    done = run_pytest(lab)
    assert done.returncode == 1
    assert "the notebook is not there" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_an_answer_that_is_not_finished() -> None:
    result = _first("x = 1\nraise NotImplementedError")
    assert "raise NotImplementedError is still there" in result.found


def test_error_shows_cell_and_line() -> None:
    result = _first("value = 1\nreturn hashlb.sha256(content)")
    assert result.where == ("cell 1, line 6: return hashlb.sha256(content)",)


def test_an_error_with_a_place_of_its_own_shows_the_learners_line() -> None:
    body = "from minicontainer.errors import SizeMismatch"
    body += "\nraise SizeMismatch('what happened', 'sha256:f739')"
    result = _first(body)
    assert result.where == ("cell 1, line 6: raise SizeMismatch('what happened', 'sha256:f739')",)
    assert "SizeMismatch was raised: sha256:f739: what happened" in result.found


def test_without_namespaces_limits_and_the_clock_remain() -> None:
    """As on macOS and Windows."""
    sources = [reference(LAB03, exercise.name) for exercise in LAB03.exercises]
    answers = answers_of(LAB03, *sources)
    assert [result for result in grade(LAB03, answers, isolate=False) if not result.passed] == []
    for body, outcome in (("while True:\n        pass", "timeout"), ("os._exit(4)", "crashed")):
        answers = answers_of(LAB03, f"{HEAD}    {body}\n")
        checks = [check for check in LAB03.checks if check.exercise == "digest_of"]
        assert next(grade(LAB03, answers, checks, isolate=False)).outcome == outcome


#: a desktop: its user runs many threads, and then has the solutions graded without namespaces
MANY_THREADS = """
import threading, time
from minicontainer.workshop.grading.grader import grade
from tests.workshop.learner import LAB03, answers_of, reference
for _ in range(300):
    threading.Thread(target=time.sleep, args=(120,), daemon=True).start()
answers = answers_of(LAB03, *[reference(LAB03, exercise.name) for exercise in LAB03.exercises])
print([result for result in grade(LAB03, answers, isolate=False) if not result.passed])
"""


@needs_readable
def test_what_else_the_user_runs_is_not_counted_against_a_check() -> None:
    stranger: dict = {"user": STRANGER, "group": STRANGER, "extra_groups": []}
    done = subprocess.run(
        [sys.executable, "-c", MANY_THREADS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        **(stranger if os.geteuid() == 0 else {}),
    )
    assert done.stdout == "[]\n", done.stderr


#: become an ordinary user of a user namespace in which no other may be made
FORBIDDING = """
import os, sys
from pathlib import Path
from minicontainer import linux
user, group = os.geteuid(), os.getegid()
linux.unshare(linux.CLONE_NEWUSER)
Path("/proc/self/setgroups").write_text("deny")
Path("/proc/self/uid_map").write_text(f"1000 {user} 1")
Path("/proc/self/gid_map").write_text(f"1000 {group} 1")
Path("/proc/sys/user/max_user_namespaces").write_text("0")
os.execv(sys.executable, [sys.executable, "-m", "minicontainer.workshop", *sys.argv[1:]])
"""


def checked_without_namespaces(lab: Lab) -> tuple[str, dict[str, str]]:
    """What `check` prints of the lab where namespaces are forbidden; each exercise's line."""
    printed = subprocess.run(
        [sys.executable, "-c", FORBIDDING, "check", lab.id],
        cwd=lab.root, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return printed, {
        words[2]: line for line in printed.splitlines() if len(words := line.split()) > 4
    }


@needs_namespaces
def test_the_machines_fault_costs_no_points(tmp_path: Path) -> None:
    lab01 = next(lab for lab in LABS if lab.id == "01")
    answers = {name: reference(lab01, name) for name in ("libraries_of", "enter_root", "pivot")}
    answers["build_root"] = "def build_root(root, programs):\n    return []"
    answers["mount_private"] = "def mount_private():\n    linux.mont()"
    answers["new_namespaces"] = "def new_namespaces(flags):\n    os.getpid()"
    lab = checkout(tmp_path, lab01, answers)
    printed, lines = checked_without_namespaces(lab)
    assert "9/9   passed" in lines["libraries_of"]
    for name in ("build_root", "mount_private", "new_namespaces"):
        assert "✗" in lines[name]
    for name in ("enter_root", "pivot"):
        assert "all passes that can be graded here" in lines[name]
    [score] = [line for line in printed.splitlines() if line.startswith("score: ")]
    assert "more need namespaces" in score and "./workshop doctor" in score
    assert "the check itself failed" not in printed
    told = subprocess.run(
        [sys.executable, "-m", "minicontainer.workshop", "status"],
        cwd=lab.root, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in ("enter_root", "pivot"):
        assert re.search(rf"○ 01.\d {name} .*/\d   ungraded$", told, re.MULTILINE)
    assert re.search(r"✗ 01.6 mount_private .*/\d$", told, re.MULTILINE)


@needs_namespaces
def test_a_wrong_answer_is_told_so_where_ours_is_refused(tmp_path: Path) -> None:
    """A slip, and an answer that meets no error, where ours can't have its namespaces."""
    lab06 = next(lab for lab in LABS if lab.id == "06")
    answers = {
        "run_bundle": "def run_bundle(root, id, bundle, terminal=False):\n    return nothing",
        "run_container": "def run_container(layout, image, record, options):\n    return 0",
        "snapshot": reference(lab06, "snapshot"),
    }
    lab = checkout(tmp_path, lab06, answers)
    printed, lines = checked_without_namespaces(lab)
    assert "✗" in lines["run_bundle"] and "✗" in lines["run_container"], printed
    assert "all passes that can be graded here" in lines["snapshot"]


def test_a_refusal_is_not_waited_for(tmp_path: Path) -> None:
    """What goes on beside a container that was not to be had ends with it."""
    lab06 = next(lab for lab in LABS if lab.id == "06")
    answer = "def run_bundle(root, id, bundle, terminal=False):\n    raise PermissionError(1, 'no')"
    checks = [check for check in lab06.checks if check.exercise == "run_bundle"]
    begun, patience = time.monotonic(), isolation.patience(3)
    results = list(grade(lab06, answers_of(lab06, answer), checks))
    assert {result.outcome for result in results} == {"failed"}
    assert time.monotonic() - begun < patience


@needs_root
def test_without_isolation_lab_02_leaves_no_cgroup() -> None:
    """Where its containers get a cgroup, as root on a machine like this one."""
    lab = next(lab for lab in LABS if lab.id == "02")
    sources = [reference(lab, exercise.name) for exercise in lab.exercises]
    checks = [check for check in lab.checks if check.exercise == "create"]
    before = set(Path("/sys/fs/cgroup").glob("**/minirunc-box-*"))
    list(grade(lab, answers_of(lab, *sources), checks, isolate=False))
    # Another test's container of that name may be there for a moment.
    assert until(lambda: set(Path("/sys/fs/cgroup").glob("**/minirunc-box-*")) <= before)


@needs_namespaces
def test_a_loop_in_a_process_apart_points_at_its_line(tmp_path: Path) -> None:
    lab = checkout(tmp_path)
    (lab.directory / "test_image.py").write_text(
        "from minicontainer.step03_image.digest import digest_of\n"
        "from minicontainer.workshop.grading.checks import apart, check, expect\n"
        '@check("digest_of", points=2, rule="x", seconds=1.0)\n'
        "def test_apart():\n"
        '    expect(apart(lambda: digest_of(b"")), "", story="x")\n'
    )
    lab = Lab(lab.directory)
    loop = results_of(lab, "digest_of", f"{HEAD}    while True:\n        pass\n")[0]
    assert loop.outcome == "timeout"
    assert loop.where[-1].startswith("cell 1, line ")
    for body, found in (("os._exit(3)", "exit status 3"), ("os.kill(os.getpid(), 9)", "SIGKILL")):
        assert found in results_of(lab, "digest_of", f"{HEAD}    {body}\n")[0].found
    told = results_of(lab, "digest_of", f"{HEAD}    raise OSError(22, 'no')\n")[0]
    assert "OSError was raised: [Errno 22] no" in told.found
    assert told.where == ("cell 1, line 5: raise OSError(22, 'no')",)


def test_a_slip_is_told_by_its_line_and_not_as_a_wrong_idea() -> None:
    lab = next(lab for lab in LABS if lab.id == "04")
    source = (
        "def get_blob(registry, repository, descriptor, layout, progress=None):\n"
        '    path = f"/v2/{repository}/blobs/{descriptor.digest}"\n'
    )
    for result in results_of(lab, "get_blob", source):
        assert result.found.startswith("AttributeError was raised: 'dict' object"), result
        assert result.where and "descriptor.digest" in result.where[-1]
        assert not result.mistake
        told = "\n".join(failure(lab, result))
        assert "hint 1" not in told
        assert "your function stopped in that line" in told

"""Whatever befalls a notebook, the disk or the progress: one sentence, and no work is lost."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest

from minicontainer.workshop.authoring import generate
from minicontainer.workshop.grading.grader import Result
from minicontainer.workshop.labs.lab import Lab
from minicontainer.workshop.labs.progress import Progress
from tests.programs import needs, needs_namespaces, needs_readable, needs_root

from .learner import LAB03, ROOT, checkout, reference, run_workshop

GOOD = {"digest_of": reference(LAB03, "digest_of")}


def _cells(lab: Lab) -> list[dict]:
    return json.loads(lab.notebook_path().read_text("utf-8"))["cells"]


def _change(lab: Lab, change: Callable[[list[dict]], object]) -> None:
    notebook = json.loads(lab.notebook_path().read_text("utf-8"))
    change(notebook["cells"])
    lab.notebook_path().write_text(json.dumps(notebook), "utf-8")


def _one_sentence(done: subprocess.CompletedProcess, words: str) -> None:
    assert words in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert done.returncode == 1 and len(done.stderr.splitlines()) <= 2


# ---------------------------------------------------------------- notebooks that are odd or broken

BROKEN = {
    "conflict": (
        '{"cells": [\n<<<<<<< HEAD\n{}\n=======\n>>>>>>> upstream\n',
        "git left its marks",
    ),
    "half": ('{"cells": [{"cell_type": "code", "sou', "this is not a notebook"),
    "empty": ("", "this is not a notebook"),
    "list": ("[]", "this is not a notebook"),
    "old format": ('{"nbformat": 3, "worksheets": []}', "this is not a notebook"),
    "no type": ('{"cells": [{"source": ""}]}', "this is not a notebook"),
    "odd type": ('{"cells": [{"cell_type": "heading"}]}', "cell 1 is of no known type"),
    "odd source": ('{"cells": [{"cell_type": "code", "source": {"a": 1}}]}', "not a notebook"),
    "deep": ("[" * 100_000, "this is not a notebook"),
    "bytes": ("\udcff\udcfe", "this is not a notebook"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_no_notebook_is_told_and_kept(tmp_path: Path, kind: str) -> None:
    lab = checkout(tmp_path)
    text, words = BROKEN[kind]
    content = text.encode("utf-8", "surrogateescape")
    lab.notebook_path().write_bytes(content)
    for arguments in (["check", "03"], ["update", "03"], ["reset", "03", "digest_of"]):
        _one_sentence(run_workshop(lab, *arguments), words)
        assert lab.notebook_path().read_bytes() == content
    done = run_workshop(lab, "reset", "03")
    assert Path(done.stdout.split("kept in ")[1].strip()).read_bytes() == content
    nbformat.validate(json.loads(lab.notebook_path().read_text("utf-8")))


def test_a_cell_without_id_or_source_is_read_and_made_valid(tmp_path: Path) -> None:
    lab = checkout(tmp_path, answers=GOOD)

    def make_odd(cells: list[dict]) -> None:
        cells[0]["id"] = None
        cells[1]["id"] = cells[2]["id"]
        cells.append({"cell_type": "code", "id": "bad id!"})
        cells.append({"cell_type": "raw", "source": None, "id": "r", "metadata": {}})

    _change(lab, make_odd)
    assert "✓ 03.1 digest_of" in run_workshop(lab, "check", "03").stdout
    assert run_workshop(lab, "reset", "03", "read_blob").returncode == 0
    assert run_workshop(lab, "reset", "03", "digest_of").returncode == 0
    nbformat.validate(json.loads(lab.notebook_path().read_text("utf-8")))
    ids = [cell["id"] for cell in _cells(lab)]
    assert len(ids) == len(set(ids))


def test_reset_keeps_the_link_and_the_mode(tmp_path: Path) -> None:
    lab = checkout(tmp_path, answers=GOOD)
    path, real = lab.notebook_path(), tmp_path / "elsewhere.ipynb"
    path.rename(real)
    path.symlink_to(real)
    real.chmod(0o660)
    for arguments in (["reset", "03", "digest_of"], ["update", "03"], ["reset", "03"]):
        assert run_workshop(lab, *arguments).returncode == 0
        assert path.is_symlink() and real.stat().st_mode & 0o7777 == 0o660
    assert "NotImplementedError" in real.read_text("utf-8")


def test_half_a_character_is_kept(tmp_path: Path) -> None:
    lab = checkout(tmp_path, answers={**GOOD, "mine": "a = '\ud83d', 'é'"})
    text = json.dumps(json.loads(lab.notebook_path().read_text()), indent=3, ensure_ascii=False)
    for escape in (text.encode("utf-8", "backslashreplace"), json.dumps(json.loads(text)).encode()):
        lab.notebook_path().write_bytes(escape)
        assert run_workshop(lab, "reset", "03", "digest_of").returncode == 0
        assert "".join(_cells(lab)[-1]["source"]) == "a = '\ud83d', 'é'"


# ---------------------------------------------------------------- the disk

#: in a user and mount namespace of its own, where `{mount}` is done, run the command
APART = """
import os, sys
from minicontainer import linux
from minicontainer.lib.user_namespace import enter_user_namespace, mapping
enter_user_namespace(linux.CLONE_NEWNS, [mapping(0, os.geteuid())], [mapping(0, os.getegid())])
linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
{mount}
os.chdir(sys.argv[1])
for command in sys.argv[2:]:
    os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-m", "minicontainer.workshop",
              *command.split()])
"""
READ_ONLY = """
linux.mount(sys.argv[1], sys.argv[1], None, linux.MS_BIND)
linux.mount("none", sys.argv[1], None, linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY)
"""
FULL = """
import shutil
shutil.copytree(sys.argv[1], sys.argv[1] + "-copy")
linux.mount("none", sys.argv[1], "tmpfs", 0, "size=2m")
shutil.copytree(sys.argv[1] + "-copy", sys.argv[1], dirs_exist_ok=True)
try:
    with open(sys.argv[1] + "/filler", "wb", buffering=0) as file:
        while file.write(bytes(4096)): pass
except OSError: pass
before = open(sys.argv[1] + "/labs/03/image.ipynb", "rb").read()
import atexit
atexit.register(lambda: print("as it was:", before ==
                open(sys.argv[1] + "/labs/03/image.ipynb", "rb").read(),
                [n for n in os.listdir(sys.argv[1] + "/labs/03") if n.startswith(".")]))
"""


def _apart(lab: Lab, mount: str, *commands: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "HOME": "/nonexistent", "XDG_STATE_HOME": "/proc/no-state"}
    return subprocess.run(
        [sys.executable, "-c", APART.replace("{mount}", mount), str(lab.root), *commands],
        env={**environment, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@needs_namespaces
def test_a_read_only_checkout_is_graded_and_told(tmp_path: Path) -> None:
    lab = checkout(tmp_path, answers=GOOD)
    before = lab.notebook_path().read_bytes()
    done = _apart(
        lab, READ_ONLY, "check 03 digest_of", "reset 03 digest_of", "update 03", "reset 3"
    )
    assert "✓ 03.1 digest_of" in done.stdout and "Traceback" not in done.stderr, done.stderr
    assert done.stderr.count("passes are not recorded: ") == 1
    assert done.stderr.count("workshop: ") == 2 and lab.notebook_path().read_bytes() == before


@needs_namespaces
def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    lab = checkout(tmp_path / "checkout", answers=GOOD)
    done = _apart(lab, FULL, "check 03 digest_of", "reset 03 digest_of", "reset 03", "status")
    assert "✓ 03.1 digest_of" in done.stdout and "Traceback" not in done.stderr, done.stderr
    assert "passes are not recorded: " in done.stderr
    assert done.stderr.count("No space left on device") == 3
    assert "as it was: True []" in done.stdout


# ---------------------------------------------------------------- the record of progress


@pytest.mark.parametrize(
    "text", ["", "[]", '{"03/digest_of": 1}', '{"last": "03"}', '{"03/digest_of": {"passed": 1}}']
)
def test_progress_of_another_shape_is_told_and_kept(tmp_path: Path, text: str) -> None:
    lab = checkout(tmp_path, answers=GOOD)
    file = tmp_path / ".workshop/progress.json"
    file.parent.mkdir()
    file.write_text(text)
    for arguments in (
        ["check", "03", "digest_of"],
        ["status"],
        ["next"],
        ["hint", "3", "read_blob"],
    ):
        done = run_workshop(lab, *arguments)
        assert done.returncode == 0 and done.stdout and "Traceback" not in done.stderr
        assert done.stderr.count("passes are not recorded: ") == 1
        assert "Move it away, and a new one is begun" in done.stderr
        assert file.read_text() == text


RECORDS = """
import sys
from pathlib import Path
from minicontainer.workshop.grading.grader import Result
from minicontainer.workshop.labs.lab import Lab
from minicontainer.workshop.labs.progress import Progress
lab = Lab(Path(sys.argv[1]))
store = Progress(lab.root)
for check in lab.checks[int(sys.argv[2])::4]:
    store.record(lab, [Result(check, "passed")])
"""


def test_several_processes_record_at_once(tmp_path: Path) -> None:
    lab = checkout(tmp_path)
    command = [sys.executable, "-c", RECORDS, str(lab.directory)]
    running = [subprocess.Popen([*command, str(number)], cwd=ROOT) for number in range(4)]
    assert [process.wait() for process in running] == [0, 0, 0, 0]
    store = Progress(lab.root)
    assert sum(store.standing(lab, name).points for name in lab.names) == lab.points()


def test_an_open_notebook_takes_no_pass_away(tmp_path: Path) -> None:
    lab = checkout(tmp_path)
    notebook, terminal = Progress(lab.root), Progress(lab.root)
    [check] = [c for c in lab.checks if c.exercise == "digest_of"][:1]
    terminal.record(lab, [Result(check, "passed")])
    notebook.hint_read(lab, "read_blob", 1)
    assert Progress(lab.root).standing(lab, "digest_of").points == check.points
    assert notebook.standing(lab, "digest_of").points == check.points


@pytest.fixture
def others_may_enter() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


@needs_root
@needs_readable
def test_after_a_sudo_passes_are_recorded_as_before(others_may_enter: Path) -> None:
    lab = checkout(others_may_enter, answers=GOOD)
    for path in (others_may_enter, *others_may_enter.rglob("*")):
        os.chown(path, 1000, 1000)
    assert run_workshop(lab, "check", "03").stdout
    assert run_workshop(lab, "reset", "03", "read_blob").returncode == 0
    assert run_workshop(lab, "update", "03").returncode == 0
    strangers = [str(p) for p in others_may_enter.rglob("*") if p.lstat().st_uid == 0]
    assert [p for p in strangers if "pycache" not in p] == []
    done = subprocess.run(
        [sys.executable, "-m", "minicontainer.workshop", "hint", "03", "digest_of"],
        cwd=others_may_enter,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        user=1000,
        group=1000,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("hint 1") and done.stderr == ""
    assert Progress(others_may_enter).standing(lab, "digest_of").sign == "✓"


def test_status_says_what_it_shows(tmp_path: Path) -> None:
    assert (
        "as last graded; ./workshop check NN" in run_workshop(checkout(tmp_path), "status").stdout
    )


# ---------------------------------------------------------------- watch


def _watching(lab: Lab, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-u", "-m", "minicontainer.workshop", "watch", *arguments]
    return subprocess.Popen(command, cwd=lab.root, stdout=subprocess.PIPE, text=True)


def _until(process: subprocess.Popen, start: str) -> list[str]:
    lines = []
    for line in process.stdout or ():
        lines.append(line)
        if line.startswith(start):
            break
    return lines


def test_watch_survives_half_a_file(tmp_path: Path) -> None:
    lab = checkout(tmp_path, answers=GOOD)
    whole = lab.notebook_path().read_bytes()
    with _watching(lab, "03", "digest_of") as process:
        _until(process, "watching")
        for content, words in ((whole[:5000], "this is not a notebook"), (whole, "✓ 03.1")):
            time.sleep(0.05)
            lab.notebook_path().write_bytes(content)
            assert any(words in line for line in _until(process, "watching"))
        process.terminate()


def test_watch_without_a_number_goes_on_by_itself(tmp_path: Path) -> None:
    lab = checkout(tmp_path)
    with _watching(lab) as process:
        assert any("○ 03.1 digest_of" in line for line in _until(process, "watching"))
        time.sleep(0.05)
        cell = next(c for c in _cells(lab) if c["id"] == "exercise-digest_of")
        _change(lab, lambda cells: cells[_cells(lab).index(cell)].update(source=GOOD["digest_of"]))
        shown = "".join(_until(process, "watching"))
        process.terminate()
    assert re.search(r"✓ 03\.1 digest_of[^✓]*○ 03\.2 read_blob[^✓]*next: 03\.2 read_blob", shown)


# ---------------------------------------------------------------- git pull


def _git(directory: Path, *arguments: str) -> str:
    settings = ["-c", "user.name=A", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    done = subprocess.run(
        ["git", *settings, *arguments], cwd=directory, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _commands(nth: int) -> str:
    """The nth block of commands of the page's section."""
    section = (ROOT / "labs/README.md").read_text("utf-8").split("## A newer edition")[1]
    return re.findall(r"(?:^    .+\n)+", section, re.MULTILINE)[nth]


@needs("git")
@pytest.mark.parametrize("committed", [False, True])
def test_git_pull_by_the_pages_commands(tmp_path: Path, committed: bool) -> None:
    origin = checkout(tmp_path / "origin")
    origin.notebook_path().write_text(generate.to_text(generate.learners(origin)), "utf-8")
    command = tmp_path / "origin/workshop"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m minicontainer.workshop "$@"\n')
    command.chmod(0o755)
    (tmp_path / "origin/.gitignore").write_text(".workshop/\n__pycache__/\n")
    _git(origin.root, "init")
    _git(origin.root, "add", ".")
    _git(origin.root, "commit", "-m", "one")
    _git(tmp_path, "clone", "origin", "mine")
    lab = Lab(tmp_path / "mine/labs/03")

    def write_in_it(cells: list[dict]) -> None:
        stub = next(cell for cell in cells if cell["id"] == "exercise-digest_of")
        stub["source"] = GOOD["digest_of"]
        note = {"cell_type": "markdown", "id": "note", "metadata": {}, "source": ["my note"]}
        cells.insert(1, note)

    _change(lab, write_in_it)
    if committed:
        _git(lab.root, "commit", "-am", "my answers")

    page = origin.directory / "lab.md"
    page.write_text(page.read_text("utf-8").replace("# Lab 03", "# Renewed", 1), "utf-8")
    origin.notebook_path().write_text(generate.to_text(generate.learners(origin)), "utf-8")
    _git(origin.root, "commit", "-am", "two")

    names = {
        f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    environment = {**os.environ, **names, "PYTHONPATH": str(ROOT)}
    for line in _commands(committed).splitlines():
        done = subprocess.run(
            line, shell=True, cwd=lab.root, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0 or "CONFLICT" in done.stdout, done
    sources = ["".join(cell["source"]) for cell in _cells(lab)]
    assert sources[0].startswith("# Renewed") and "my note" in sources[1]
    assert GOOD["digest_of"] in sources
    assert "✓ 03.1 digest_of" in run_workshop(lab, "check", "03").stdout
    nbformat.validate(json.loads(lab.notebook_path().read_text("utf-8")))

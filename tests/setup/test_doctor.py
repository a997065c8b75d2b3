"""The doctor on machines that lack something."""

from __future__ import annotations

import io
import os
import pwd
import shlex
import shutil
import socket
import subprocess
import sys

import pytest

from minicontainer.cli.demo import ACTS
from minicontainer.errors import MinicontainerError
from minicontainer.lib.user_namespace import id_range
from minicontainer.workshop import doctor, kernel, needs
from tests.programs import lasting_mounts, needs_root
from tests.setup.conftest import PROJECT


def test_this_machine_is_examined_and_left_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    mounts = lasting_mounts()
    findings = {finding.name: finding for finding in doctor.examine()}
    assert findings["Python"].good and findings["packages"].good
    assert findings["system"].good == (sys.platform == "linux")
    assert list(tmp_path.iterdir()) == []
    assert lasting_mounts() == mounts


def test_namespaces_agree_with_unshare_of_util_linux(tmp_path):
    command = ["unshare", "--user", "--map-root-user", "--mount", "--net", "true"]
    if shutil.which("unshare") is None:
        pytest.skip("not installed: unshare")
    allowed = subprocess.run(command, capture_output=True).returncode == 0
    assert (kernel.try_namespaces(tmp_path).namespaces == "") == allowed


def test_forbidden_namespaces_give_the_kernel_error(tmp_path, monkeypatch):
    # The limit of user namespaces can be lowered for those inside one.
    code = (
        "import os; from pathlib import Path; from minicontainer import linux;"
        "linux.unshare(linux.CLONE_NEWUSER);"
        "Path('/proc/self/setgroups').write_text('deny');"
        f"Path('/proc/self/uid_map').write_text('0 {os.geteuid()} 1');"
        f"Path('/proc/self/gid_map').write_text('0 {os.getegid()} 1');"
        "Path('/proc/sys/user/max_user_namespaces').write_text('0');"
        "from minicontainer.workshop import kernel;"
        f"tried = kernel.try_namespaces({str(tmp_path)!r});"
        "print(tried.namespaces); print(tried.advice)"
    )
    if kernel.try_namespaces(tmp_path).namespaces:
        pytest.skip("this machine forbids user namespaces already")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    error, mend = done.stdout.splitlines()
    assert error.startswith("forbidden: ") and "unshare" in error
    assert mend.endswith("sudo sysctl -w user.max_user_namespaces=15000")


@needs_root
def test_root_without_capabilities_is_told_as_run_would_tell(tmp_path):
    code = (
        "from minicontainer import linux; linux.prctl(linux.PR_CAPBSET_DROP, 21);"
        "from minicontainer.workshop import kernel;"
        f"print(kernel.try_namespaces({str(tmp_path)!r}).advice)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True)
    assert "root lacks the capability CAP_SYS_ADMIN" in done.stdout


def test_where_namespaces_are_forbidden_the_doctor_says_what_to_do(tmp_path, monkeypatch):
    tried = kernel.Tried("forbidden: no", "", "ask your administrator")
    monkeypatch.setattr(kernel, "try_namespaces", lambda place: tried)
    [finding] = doctor.namespaces()
    assert not finding.good
    assert finding.mend == "ask your administrator; labs 03, 04 and 05 run without"
    late = kernel.Tried("no answer within 20 s", "")
    monkeypatch.setattr(kernel, "try_namespaces", lambda place: late)
    [finding] = doctor.namespaces()
    assert finding.mend.startswith("end other programs, and try again; labs")


def test_id_ranges_are_found_by_name_or_number(tmp_path):
    file, uid = tmp_path / "subuid", os.getuid()
    file.write_text("# ranges\nsomebody-else:1:1\n")
    assert id_range(str(file)) == ()
    name = next((one.pw_name for one in pwd.getpwall() if one.pw_uid == uid), uid)
    for me in (name, uid):
        file.write_text(f"# ranges\n{me}:100000:65536\n")
        assert id_range(str(file)) == (100000, 65536)
    assert id_range(str(tmp_path / "none")) == ()


def test_not_linux_says_which_labs_run(monkeypatch):
    monkeypatch.setattr(doctor.sys, "platform", "darwin")
    monkeypatch.setattr(doctor.platform, "system", lambda: "Darwin")
    finding = doctor.operating_system()
    assert finding.mark == "○"
    assert "labs 03, 04 and 05 run here" in finding.mend and "Lima" in finding.mend


def test_exit_status_and_plain_marks(monkeypatch):
    good = doctor.Finding("Python", True, "3.13.0")
    optional = doctor.Finding("dot", False, "not installed", "install graphviz", needed=False)
    needed = doctor.Finding("disk", False, "0.1 GiB", "make room")
    for findings, status in (([good, optional], 0), ([good, needed], 1)):
        out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        monkeypatch.setattr(doctor.sys, "stdout", out)
        monkeypatch.setattr(doctor, "examine", lambda findings=findings: iter(findings))
        assert doctor.main() == status
        out.seek(0)
        assert "ok Python     3.13.0" in out.read()
    assert "NO disk" in doctor.table([needed]).replace("✗", "NO")
    assert "-> make room" in doctor.table([needed])


def test_a_home_that_may_not_be_written_is_found_out(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(doctor.places, "may_write", lambda place: place != str(tmp_path))
    disk = next(finding for finding in doctor.directories() if finding.name == "disk")
    assert disk.mark == "✗" and str(tmp_path) in disk.found and "XDG_DATA_HOME" in disk.mend


def test_a_program_that_demo_and_labs_call_and_that_is_missing(monkeypatch):
    there = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "sed" else there(name))
    assert doctor.programs().mark == "✗" and "sed" in doctor.programs().found
    with pytest.raises(MinicontainerError, match="sed: not installed"):
        needs.insist_on_programs()


SHELL = "workshop/shell"


def called(command: str) -> set[str]:
    """The programs that a shell command calls, also inside `sh -c` and `minirunc exec`."""
    words = shlex.shlex(command, posix=True, punctuation_chars="();|&<>")
    words.whitespace_split = True
    found, first = set(), True
    line = list(words)
    for at, word in enumerate(line):
        if first and not set(word) <= set(";|&"):
            found.add(word)
            if word == "sh":
                found |= called(line[at + 2])
        inside = line[at - 1 : at + 1] == ["exec", "web"] or (word == SHELL and "run" in line)
        first = inside or set(word) <= set(";|&")
    return found


def test_the_demo_calls_what_is_listed_and_nothing_else():
    own = {"minicontainer", "minirunc", "printf", "echo"}
    found = {name for act in ACTS for command in act.commands for name in called(command)}
    assert {"cat", "id", "uname", "sed", "base64", "ls"} <= found
    assert found - own <= set(needs.PROGRAMS)


def test_each_row_says_what_is_there_and_what_to_do(tmp_path, monkeypatch):
    """One machine that lacks all that a row can miss, and one that has it."""
    rows = {
        "python_version": ("install a Python from 3.11 to 3.14", "✗"),
        "installer": ("First this", "✗"),
        "id_ranges": ("uidmap", "○"),
        "cgroups": ("run without limits", "○"),
        "memory": ("end other programs", "○"),
        "programs": ("coreutils", "✗"),
        "jupyter_port": ("takes the next one", "○"),
    }
    with socket.socket() as taken, monkeypatch.context() as poor:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        poor.setattr(doctor, "JUPYTER_PORT", taken.getsockname()[1])
        poor.setattr(doctor.sys, "version_info", (3, 15, 0))
        poor.setattr(doctor.sys, "prefix", sys.base_prefix)
        poor.setenv("MINICONTAINER_LACKS_PIP", " First this")
        poor.setattr(doctor.shutil, "which", lambda name: None)
        poor.setattr(os, "geteuid", lambda: 1000)
        poor.setattr(kernel, "CGROUPS", tmp_path)
        poor.setattr(needs, "MEMORY", 1 << 60)
        for name, (mend, mark) in rows.items():
            finding = getattr(doctor, name)()
            assert (mend in finding.mend, finding.mark) == (True, mark), finding
            assert finding.mend in doctor.table([finding])
        assert {finding.mark for finding in doctor.other_tools()} == {"○"}
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(kernel, "CGROUPS", tmp_path)
    tmp_path.joinpath("pids").mkdir()
    monkeypatch.setattr(needs, "MEMORY", 1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setattr(doctor, "JUPYTER_PORT", free.getsockname()[1])
    for name in rows:
        assert getattr(doctor, name)().mark == "✓", name


def test_a_directory_that_cannot_be_had_is_a_row_and_no_traceback(tmp_path, monkeypatch):
    def somebody_elses(name):
        raise MinicontainerError("belongs to somebody else", "/tmp/x", "let XDG_RUNTIME_DIR …")

    monkeypatch.setattr(doctor.places, "runtime_directory", somebody_elses)
    monkeypatch.setattr(needs, "ROOM", 1 << 60)
    rows = {finding.name: finding for finding in doctor.directories()}
    marks = {name: finding.mark for name, finding in rows.items()}
    assert marks == {"disk": "✗", "cache": "✓", "run": "✗"}
    assert "XDG_RUNTIME_DIR" in rows["run"].mend and "1 GiB" in rows["disk"].mend

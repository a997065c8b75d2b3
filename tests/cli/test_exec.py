"""One more process in a running container."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.waiting import until


@pytest.fixture
def running(both):
    both.create("sleep", "60")
    both.call("start", both.id)
    return both


def test_it_is_inside(running):
    init = running.state()["pid"]
    script = "for n in pid net ipc uts mnt cgroup user; do readlink /proc/self/ns/$n; done; ls /"
    done = running.call("exec", running.id, "sh", "-c", script)
    lines = done.stdout.splitlines()
    for kind, line in zip(
        ["pid", "net", "ipc", "uts", "mnt", "cgroup", "user"], lines, strict=False
    ):
        assert line == os.readlink(f"/proc/{init}/ns/{kind}"), kind
    assert "bin" in lines and "work" not in lines


def test_exit_status_and_signals(running):
    assert running.call("exec", running.id, "sh", "-c", "exit 9", ok=None).returncode == 9
    killed = running.call("exec", running.id, "sh", "-c", "kill -15 $$", ok=None)
    assert killed.returncode == 143


def test_standard_streams(running):
    done = running.call("exec", running.id, "sh", "-c", "cat; echo e >&2", input="typed")
    assert (done.stdout, done.stderr) == ("typed", "e\n")


def test_options(running):
    done = running.call(
        "exec", "--env", "A=1", "--cwd", "/dev", running.id, "sh", "-c", "echo $A; pwd"
    )
    assert done.stdout.split() == ["1", "/dev"]
    if not running.rootless:
        done = running.call("exec", "-u", "1000:7", running.id, "sh", "-c", "id -u; id -g")
        assert done.stdout.split() == ["1000", "7"]
    assert "UID" in running.call("exec", "-u", "alice", running.id, "id", ok=False).stderr


def test_the_process_from_a_file_detached(running):
    process = {
        "args": ["sleep", "50"],
        "cwd": "/",
        "env": ["PATH=/bin"],
        "user": {"uid": 0, "gid": 0},
    }
    file, pid_file = running.top / "process.json", running.top / "pid"
    file.write_text(json.dumps(process))
    running.quietly(
        "exec", "--process", str(file), "--detach", "--pid-file", str(pid_file), running.id
    )
    pid = int(pid_file.read_text())
    assert Path(f"/proc/{pid}/cmdline").read_text() == "sleep\0" + "50\0"
    assert str(pid) in running.call("ps", running.id).stdout
    running.call("kill", "--all", running.id, "KILL")
    assert until(lambda: not os.path.exists(f"/proc/{pid}/exe"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nosuch"], "executable file not found in $PATH"),
        (["/etc/passwd"], "permission denied"),
        (["--cwd", "/nowhere", "sh"], "process.cwd"),
        ([], "process.args"),
    ],
)
def test_failures(running, arguments, words):
    options = arguments[:2] if arguments[:1] == ["--cwd"] else []
    done = running.call("exec", *options, running.id, *arguments[len(options) :], ok=False)
    assert done.returncode == 255
    assert words in done.stderr


def test_not_into_a_stopped_container(running):
    running.call("kill", running.id, "KILL")
    running.wait_for("stopped")
    assert "stopped" in running.call("exec", running.id, "sh", ok=False).stderr

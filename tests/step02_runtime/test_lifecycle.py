"""The verbs: what each does, what each refuses, and that nothing is left."""

from __future__ import annotations

import json
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from minicontainer.errors import ProgramNotExecutable
from minicontainer.step02_runtime import lifecycle, process
from minicontainer.step02_runtime.state import start_time
from tests.programs import needs_root
from tests.waiting import HANG, until


def test_a_whole_life(both):
    both.create("sh", "-c", "echo began > /dev/shm/began; exec sleep 60")
    created = both.state()
    assert created["status"] == "created"
    assert created["bundle"].startswith(str(both.top))
    # create has not run the program: its process is still ours
    assert b"python" in Path(f"/proc/{created['pid']}/cmdline").read_bytes()
    both.call("start", both.id)
    running = both.state()
    assert (running["status"], running["pid"]) == ("running", created["pid"])
    assert until(lambda: b"sleep" in Path(f"/proc/{running['pid']}/cmdline").read_bytes())
    both.call("kill", both.id, "KILL")
    stopped = both.wait_for("stopped")
    assert stopped["pid"] == 0
    both.call("delete", both.id)
    assert "does not exist" in both.call("state", both.id, ok=False).stderr
    assert both.left_behind() == []


@pytest.mark.parametrize("status", ["created", "running", "stopped"])
def test_a_wrong_state_is_refused_without_effect(runtime, status):
    runtime.create("sleep", "60")
    if status != "created":
        runtime.call("start", runtime.id)
    if status == "stopped":
        runtime.call("kill", runtime.id, "9")
        runtime.wait_for("stopped")
    refused = {
        "created": [("delete",)],
        "running": [("start",), ("delete",)],
        "stopped": [("start",), ("kill",), ("exec", "sh")],
    }[status]
    for verb, *rest in [*refused, ("create", "-b", runtime.bundle("sh"))]:
        arguments = (verb, *rest, runtime.id) if verb == "create" else (verb, runtime.id, *rest)
        done = runtime.call(*arguments, ok=False)
        assert status in done.stderr or "exists already" in done.stderr
        assert runtime.state()["status"] == status


def test_what_another_deletes_meanwhile_may_be_deleted_by_force(both, monkeypatch):
    """`minicontainer rm --force` does so, while `run` deletes the container that it ends."""
    both.create("sleep", "60")
    real = lifecycle.load

    def load(root, id):
        record = real(root, id)
        both.call("delete", "--force", both.id)
        return record

    monkeypatch.setattr(lifecycle, "load", load)
    lifecycle.delete(str(both.state_root), both.id, force=True)
    assert both.left_behind() == []


def test_a_created_container_can_be_killed(runtime):
    runtime.create("sleep", "60")
    runtime.call("kill", runtime.id, "TERM")
    runtime.wait_for("stopped")


def test_force_deletes_whatever_it_is(both):
    both.create("sleep", "60")
    both.call("delete", "--force", both.id)
    both.create("sleep", "60")
    both.call("start", both.id)
    pid = both.state()["pid"]
    both.call("delete", "--force", both.id)
    assert until(lambda: start_time(pid) is None)
    both.call("delete", "--force", both.id)  # engines do this to be sure
    assert both.left_behind() == []


def test_unknown_containers_and_bad_names(runtime):
    for verb in ("state", "start", "kill", "delete"):
        assert "does not exist" in runtime.call(verb, "nobody", ok=False).stderr
    for name in ("../x", "", ".", "a/b", "a b", "ä"):
        assert "invalid container id" in runtime.call("state", name, ok=False).stderr
        bundle = runtime.bundle("sh")
        assert "invalid" in runtime.call("create", "-b", bundle, name, ok=False).stderr


def test_one_of_many_concurrent_creates_wins(runtime):
    bundle = runtime.bundle("sleep", "60")

    def create(_):
        return runtime.quietly("create", "-b", bundle, runtime.id, ok=None)

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(create, range(6)))
    assert statuses == [0, 1, 1, 1, 1, 1]
    runtime.call("start", runtime.id)
    assert runtime.state()["status"] == "running"


def test_concurrent_starts_start_once(runtime):
    runtime.create("sleep", "60")
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: runtime.call("start", runtime.id, ok=None), range(4)))
    assert sorted(d.returncode for d in done) == [0, 1, 1, 1]
    assert runtime.state()["status"] == "running"


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("nosuch", "executable file not found in $PATH"),
        ("/bin/nosuch", "no such file or directory"),
        ("/etc/passwd", "permission denied"),
        ("/bin", "permission denied"),
    ],
)
def test_a_program_that_cannot_run_is_found_out_at_create(both, program, words):
    done = both.create(program, ok=False)
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert both.left_behind() == []


def test_where_nothing_may_be_executed_the_mount_is_named(monkeypatch, tmp_path):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    noexec = os.statvfs_result((4096, 4096, 0, 0, 0, 0, 0, 0, os.ST_NOEXEC, 255))
    monkeypatch.setattr(process.os, "statvfs", lambda path: noexec)
    for name, environment in ((str(program), {}), ("program", {"PATH": str(tmp_path)})):
        with pytest.raises(ProgramNotExecutable, match="permission denied") as raised:
            process.find_program(name, environment)
        assert "noexec" in raised.value.hint


def test_a_failing_exec_is_told_to_start(runtime):
    root = runtime.own_root()
    (root / "bin/odd").write_bytes(b"\0\1\2\3 no program")
    (root / "bin/odd").chmod(0o755)
    runtime.create("odd", root__path=str(root))
    assert "exec format error" in runtime.call("start", runtime.id, ok=False).stderr
    runtime.wait_for("stopped")


@pytest.mark.parametrize(
    "changes",
    [
        {"process__cwd": "/etc/passwd"},
        {"mounts": [{"destination": "/x", "type": "nosuchfs", "source": "none"}]},
        {"process__rlimits": [{"type": "RLIMIT_NOSUCH", "soft": 1, "hard": 1}]},
        {"linux__sysctl": {"vm.swappiness": "1"}},
        {"process__user": {"uid": 4000000, "gid": 0}},
    ],
)
def test_a_failing_create_leaves_nothing(as_user, changes):
    done = as_user.create("sh", ok=False, **changes)
    assert done.stderr.startswith("minirunc: ")
    assert as_user.left_behind() == []


def test_a_killed_create_leaves_what_delete_can_remove(runtime):
    hook = {"path": "/bin/sleep", "args": ["sleep", "30"]}
    bundle = runtime.bundle("sleep", "60", hooks={"createRuntime": [hook]})
    creator = runtime.popen("create", "-b", bundle, runtime.id, stderr=subprocess.DEVNULL)
    assert until(lambda: runtime.call("state", runtime.id, ok=None).returncode == 0)
    assert runtime.state()["status"] == "creating"
    assert "creating" in runtime.call("delete", runtime.id, ok=False).stderr
    creator.kill()
    creator.wait()
    assert runtime.state()["status"] == "stopped"
    runtime.call("delete", runtime.id)
    assert runtime.left_behind() == []


def test_a_reused_pid_is_not_the_container(runtime):
    runtime.create("sleep", "60")
    path = runtime.state_root / runtime.id / "state.json"
    record = json.loads(path.read_text())
    assert record["init"]["pid"] == runtime.state()["pid"]
    assert "status" not in record
    real = record["init"]["pid"]
    with subprocess.Popen(["sleep", "60"]) as other:  # who got the number after it
        try:
            record["init"] = {"pid": other.pid, "start": 1}
            path.write_text(json.dumps(record))
            assert runtime.state()["status"] == "stopped"
            runtime.call("delete", runtime.id)
            assert other.poll() is None
        finally:
            other.kill()
    if runtime.rootless:  # without a cgroup nothing else leads to the process
        os.kill(real, 9)


def test_a_damaged_state_file_is_named_and_can_be_forced_away(runtime):
    runtime.create("sleep", "60")
    pid = runtime.state()["pid"]
    path = runtime.state_root / runtime.id / "state.json"
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    assert str(path) in runtime.call("state", runtime.id, ok=False).stderr
    assert runtime.call("list", "-q").stdout == ""
    path.write_text(whole)
    runtime.call("delete", "--force", runtime.id)
    assert until(lambda: start_time(pid) is None)


def test_pid_file_and_list(runtime):
    bundle = runtime.bundle("sleep", "60")
    pid_file = runtime.top / "pid"
    runtime.quietly("run", "-d", "-b", bundle, "--pid-file", str(pid_file), runtime.id)
    assert pid_file.read_text() == str(runtime.state()["pid"])
    assert runtime.call("list", "-q").stdout == runtime.id + "\n"
    (listed,) = json.loads(runtime.call("list", "--format", "json").stdout)
    assert listed == runtime.state()
    header, row = runtime.call("list").stdout.splitlines()
    assert header.split() == ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]
    assert row.split()[:3] == [runtime.id, str(listed["pid"]), "running"]


def test_kill_all_reaches_every_process(both):
    both.create("sh", "-c", "sleep 50 & sleep 51 & wait")
    both.call("start", both.id)
    assert until(lambda: len(json.loads(both.call("ps", "--format", "json", both.id).stdout)) == 3)
    pids = json.loads(both.call("ps", "--format", "json", both.id).stdout)
    assert "sleep 50" in both.call("ps", both.id).stdout
    both.call("kill", "--all", both.id, "KILL")
    both.wait_for("stopped")
    assert until(lambda: not any(start_time(pid) for pid in pids))


@needs_root
def test_delete_leaves_no_process_without_a_pid_namespace(runtime):
    config = runtime.config("sh", "-c", "sleep 50 & sleep 0.3")
    kinds = [e for e in config["linux"]["namespaces"] if e["type"] != "pid"]
    mounts = [m for m in config["mounts"] if m["type"] != "proc"]
    proc = {"destination": "/proc", "type": "bind", "source": "/proc", "options": ["rbind"]}
    runtime.create(*config["process"]["args"], linux__namespaces=kinds, mounts=[proc, *mounts],
                   linux__readonlyPaths=[], linux__maskedPaths=[])  # fmt: skip
    runtime.call("start", runtime.id)
    pids = json.loads(runtime.call("ps", "--format", "json", runtime.id).stdout)
    runtime.wait_for("stopped")
    left = json.loads(runtime.call("ps", "--format", "json", runtime.id).stdout)
    assert left and set(left) <= set(pids) | set(left)
    runtime.call("delete", runtime.id)
    assert not any(start_time(pid) for pid in left)  # a zombie belongs to its parent


def test_a_zombie_counts_as_stopped(runtime):
    """In-process: our child has ended, nobody has waited for it yet."""
    code = """
import os, sys, time, json
from minicontainer.step02_runtime import lifecycle
root, bundle, id = sys.argv[1:]
pid = lifecycle.create(root, id, bundle, die_with_parent=True)
lifecycle.start(root, id)
end = time.time() + 60
while lifecycle.state(root, id)["status"] != "stopped" and time.time() < end:
    time.sleep(0.01)
assert open(f"/proc/{pid}/stat").read().split()[2] == "Z"
print(lifecycle.state(root, id)["status"], os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
lifecycle.delete(root, id)
"""
    arguments = [str(runtime.state_root), runtime.bundle("sh", "-c", "exit 3"), runtime.id]
    done = subprocess.run([runtime.program[0], "-c", code, *arguments], capture_output=True,
                          text=True, timeout=60, **runtime.options(), check=False)  # fmt: skip
    assert done.stdout == "stopped 3\n", done.stderr


def test_pause_and_resume(runtime):
    runtime.create("sleep", "60")
    if runtime.rootless:
        assert "cgroup" in runtime.call("start", runtime.id).stderr or True
        assert "no cgroup" in runtime.call("pause", runtime.id, ok=False).stderr
        return
    assert "created" in runtime.call("pause", runtime.id, ok=False).stderr
    runtime.call("start", runtime.id)
    runtime.call("pause", runtime.id)
    assert runtime.state()["status"] == "paused"
    runtime.call("resume", runtime.id)
    assert runtime.state()["status"] == "running"
    runtime.call("pause", runtime.id)
    began = time.monotonic()
    runtime.call("delete", "--force", runtime.id)
    assert time.monotonic() - began < HANG

"""What the program finds when it looks around, and what the host sees of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.programs import needs_root

KINDS = ["pid", "net", "ipc", "uts", "mnt", "cgroup"]


def fields(text: str) -> dict[str, str]:
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def test_namespaces_differ_from_ours(both):
    both.create("sleep", "60")
    pid = both.state()["pid"]
    for kind in KINDS + (["user"] if both.rootless else []):
        assert os.readlink(f"/proc/{pid}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}"), kind


def test_the_program_is_pid_1_of_its_host_name(both):
    script = "echo $$; cat /proc/sys/kernel/hostname; cat /proc/sys/kernel/domainname"
    done = both.run("sh", "-c", script, hostname="box", domainname="example")
    assert done.stdout.split() == ["1", "box", "example"]


def test_root_has_nothing_of_the_host(both):
    done = both.run(
        "sh", "-c", "ls / ; ls -d /proc/1/root/work /root 2>/dev/null; cd ..; ls -d bin"
    )
    assert "work" not in done.stdout.replace("workshop", "")
    mounts = both.run("cat", "/proc/self/mountinfo").stdout
    assert all(" /dev/pts" in line or "devpts" not in line for line in mounts.splitlines())
    places = [line.split()[4] for line in mounts.splitlines()]
    assert {"/", "/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys"} <= set(places)
    assert places.count("/") == 1


def test_the_host_sees_no_mount_of_it(both):
    both.create("sleep", "60")
    assert str(both.tools) not in Path("/proc/self/mountinfo").read_text()


def test_environment_only_from_the_configuration(runtime):
    done = runtime.run("env", process__env=["PATH=/bin", "A=b=c", "EMPTY="])
    assert sorted(done.stdout.split("\n")) == ["", "A=b=c", "EMPTY=", "HOME=/root", "PATH=/bin"]
    done = runtime.run("env", process__env=["PATH=/bin", "HOME=/nest"])
    assert sorted(done.stdout.split()) == ["HOME=/nest", "PATH=/bin"]


def test_working_directory(runtime):
    assert runtime.run("sh", "-c", "pwd", process__cwd="/dev/shm").stdout == "/dev/shm\n"
    root = str(runtime.own_root())
    made = runtime.run("sh", "-c", "pwd", process__cwd="/not/there/yet", root__path=root)
    assert made.stdout == "/not/there/yet\n"


@needs_root
def test_user_groups_umask_and_home(runtime):
    user = {"uid": 1000, "gid": 1001, "additionalGids": [5, 7], "umask": 0o077}
    done = runtime.run("sh", "-c", "id -u; id -g; id -G; umask; echo $HOME", process__user=user)
    assert done.stdout.split("\n")[:5] == ["1000", "1001", "1001 5 7", "0077", "/home/alice"]


@pytest.mark.parametrize("uid", [0, pytest.param(1000, marks=needs_root)])
def test_capabilities_in_five_sets(runtime, uid):
    wanted = {
        "bounding": ["CAP_KILL", "CAP_CHOWN", "CAP_NET_RAW"],
        "permitted": ["CAP_KILL", "CAP_CHOWN"],
        "effective": ["CAP_CHOWN"],
        "inheritable": ["CAP_KILL", "CAP_CHOWN"],
        "ambient": ["CAP_KILL"],
    }
    done = runtime.run("cat", "/proc/self/status", process__capabilities=wanted,
                       process__user={"uid": uid, "gid": 0})  # fmt: skip
    found = {
        name: int(value, 16) for name, value in fields(done.stdout).items() if name[:3] == "Cap"
    }
    chown, kill, raw = 1, 1 << 5, 1 << 13
    assert found["CapBnd"] == chown | kill | raw
    assert found["CapInh"] == chown | kill
    assert found["CapAmb"] == kill
    # execve(2) gives root all it may keep (no new ones: NoNewPrivs), others the ambient set
    assert found["CapPrm"] == (chown | kill if uid == 0 else kill)
    assert fields(done.stdout)["NoNewPrivs"] == "1"


def test_no_capabilities_when_none_are_named(runtime):
    config = runtime.config("cat", "/proc/self/status")
    del config["process"]["capabilities"]
    process = {**config["process"], "noNewPrivileges": False}
    found = fields(runtime.run("cat", process=process).stdout)
    process["args"] = ["cat", "/proc/self/status"]
    found = fields(runtime.run("cat", process=process).stdout)
    for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(found[name], 16) == 0
    assert found["NoNewPrivs"] == "0"


def test_an_unknown_capability_is_warned_of(runtime):
    done = runtime.run("sh", "-c", "exit 0", process__capabilities={"bounding": ["CAP_MAGIC"]})
    assert "CAP_MAGIC" in done.stderr


def test_limits_and_signals(runtime):
    limits = [
        {"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200},
        {"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
    ]
    script = (
        "ulimit -Sn; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj; cat /proc/self/status"
    )
    done = runtime.run("sh", "-c", script, process__rlimits=limits, process__oomScoreAdj=500)
    assert done.stdout.split()[:4] == ["100", "200", "0", "500"]
    found = fields(done.stdout)
    # libc keeps two signals to itself: its posix_spawn(3) ignores them, and nobody else may
    libc = 0b11 << 31
    assert int(found["SigIgn"], 16) & ~libc == 0
    assert int(found["SigBlk"], 16) == 0


def test_open_files_are_closed_but_those_to_keep(runtime):
    bundle = runtime.bundle("sh", "-c", "ls /proc/self/fd; cat <&3 >&4")
    told, heard = runtime.top / "told", runtime.top / "heard"
    told.write_text("hello\n")
    command = runtime.command("run", "-b", bundle, "--preserve-fds", "2", runtime.id)
    files = f"3<{told} 4>{heard} 5<{told}"
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {files}', "sh", *command],
        capture_output=True, text=True, timeout=60, check=True, **runtime.options(),
    )  # fmt: skip
    assert done.stdout.split() == ["0", "1", "2", "3", "4", "5"]  # 5 is the directory that ls reads
    assert heard.read_text() == "hello\n"
    assert runtime.run("ls", "/proc/self/fd").stdout.split() == ["0", "1", "2", "3"]


def test_loopback_is_up(both):
    assert both.run("cat", "/sys/class/net/lo/flags").stdout == "0x9\n"


@needs_root
def test_sysctl(runtime):
    values = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "4000"}
    done = runtime.run("cat", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/kernel/msgmax",
                       linux__sysctl=values)  # fmt: skip
    assert done.stdout.split() == ["1", "4000"]


def test_masked_and_readonly_paths(both):
    script = "cat /proc/keys; ls /sys/firmware; echo 1 > /proc/sys/kernel/hostname"
    done = both.run("sh", "-c", script, ok=False)
    assert done.stdout == ""
    assert "Read-only file system" in done.stderr


@pytest.mark.parametrize("readonly", [True, False])
def test_readonly_root(runtime, readonly):
    root = str(runtime.own_root())
    done = runtime.run("sh", "-c", "echo x > /new && cat /new", ok=None,
                       root={"path": root, "readonly": readonly})  # fmt: skip
    assert (done.returncode != 0) == readonly
    assert os.path.exists(f"{root}/new") != readonly


@pytest.mark.parametrize(("script", "status"), [
    ("exit 0", 0), ("exit 7", 7), ("kill -9 $$; sleep 9", 0), ("nosuch", 127),
])  # fmt: skip
def test_exit_statuses(both, script, status):
    if "kill" in script:  # pid 1 cannot kill itself, but a child can be killed
        script, status = "sh -c 'kill -9 $$'", 137
    assert both.run("sh", "-c", script, ok=None).returncode == status


def test_devices(both):
    done = both.run("sh", "-c", """
    echo x > /dev/null; head -c 3 /dev/zero | cat; head -c 1 /dev/urandom > /dev/null
    (echo x > /dev/full) 2>/dev/null || echo full
    for link in fd stdin stdout stderr ptmx; do readlink /dev/$link; done
    stat -c %F /dev/null /dev/tty
    """)  # fmt: skip
    assert done.stdout.replace("\0", "").split("\n") == [
        "full", "/proc/self/fd", "/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2",
        "pts/ptmx", "character special file", "character special file", "",
    ]  # fmt: skip


@needs_root
def test_devices_of_the_configuration(runtime):
    devices = [
        {
            "path": "/dev/mine",
            "type": "c",
            "major": 1,
            "minor": 3,
            "fileMode": 0o640,
            "uid": 7,
            "gid": 8,
        },
        {"path": "/dev/deep/pipe", "type": "p"},
    ]
    script = "stat -c '%a %u %g %t:%T %F' /dev/mine; stat -c %F /dev/deep/pipe"
    done = runtime.run("sh", "-c", script, linux__devices=devices)
    assert done.stdout == "640 7 8 1:3 character special file\nfifo\n"


@needs_root
def test_device_rules_forbid_the_rest(runtime):
    forbidden = [{"path": "/dev/disk", "type": "b", "major": 7, "minor": 0}]
    done = runtime.run("sh", "-c", "head -c 1 /dev/disk", linux__devices=forbidden, ok=False)
    assert "not permitted" in done.stderr


@needs_root
def test_namespaces_joined_by_path(runtime):
    other = subprocess.Popen(
        ["unshare", "-n", "-u", "-i", "-p", "-f", "--kill-child", "sleep", "60"]
    )
    try:
        child = None
        while not child:
            path = f"/proc/{other.pid}/task/{other.pid}/children"
            child = Path(path).read_text().strip()
        config = runtime.config("sh")
        joined = {"network": "net", "uts": "uts", "ipc": "ipc", "pid": "pid"}
        spaces = [
            {"type": e["type"], "path": f"/proc/{child}/ns/{joined[e['type']]}"}
            if e["type"] in joined else e
            for e in config["linux"]["namespaces"]
        ]  # fmt: skip
        runtime.create("sleep", "50", linux__namespaces=spaces, hostname="")
        pid = runtime.state()["pid"]
        for name in joined.values():
            assert os.readlink(f"/proc/{pid}/ns/{name}") == os.readlink(f"/proc/{child}/ns/{name}")
        runtime.call("start", runtime.id)
        assert runtime.state()["status"] == "running"
        runtime.call("delete", "--force", runtime.id)
    finally:
        other.kill()
        other.wait()


@needs_root
def test_a_user_namespace_with_many_ids(runtime):
    config = runtime.config("sh")
    config["linux"]["namespaces"].append({"type": "user"})
    mapping = [{"containerID": 0, "hostID": 300000, "size": 65536}]
    top = runtime.own_root()
    for directory in (runtime.top, top):
        directory.chmod(0o755)
    linux = {"namespaces": config["linux"]["namespaces"]}
    linux |= {"uidMappings": mapping, "gidMappings": mapping}
    user = {"uid": 5, "gid": 6, "additionalGids": [9]}
    script = "id -u; cat /proc/self/uid_map; id -G"
    done = runtime.run("sh", "-c", script, root__path=str(top), linux=linux, process__user=user)
    assert done.stdout.split() == ["5", "0", "300000", "65536", "6", "9"]

"""What lab 02 shows of the kernel, each act in a process of its own.

`python labs/02/acts.py NAME DIRECTORY` plays one in an empty
directory and prints its rows as JSON. fifo(7), proc_pid_stat(5), mount(2).
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
from pathlib import Path

from minicontainer import linux


def fifo(place: Path) -> list[list[str]]:
    """What open(2) does with a FIFO at whose other end is nobody."""
    os.mkfifo(place / "door")
    ways = {
        "O_RDONLY": os.O_RDONLY,
        "O_WRONLY": os.O_WRONLY,
        "O_WRONLY | O_NONBLOCK": os.O_WRONLY | os.O_NONBLOCK,
        "O_RDWR": os.O_RDWR,
    }
    return [[name, _opened(place / "door", flags)] for name, flags in ways.items()]


def _opened(door: Path, flags: int) -> str:
    def ring(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        os.close(os.open(door, flags))
    except TimeoutError:
        return "sleeps until the other end is opened"
    except OSError as error:
        return f"fails at once: {errno.errorcode[error.errno or 0]}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return "returns at once"


def nobody(_: Path) -> list[list[str]]:
    """Who a child is in its new user namespace, before and after its ids are mapped."""
    asked, ask = os.pipe()
    heard, say = os.pipe()
    pid = linux.clone(linux.CLONE_NEWUSER)
    if pid == 0:
        for _ in range(2):
            os.write(say, f"{os.getuid()}, {_became_root()}\n".encode())
            os.read(asked, 1)
        os._exit(0)
    before = os.read(heard, 100).decode().strip()
    Path(f"/proc/{pid}/uid_map").write_text(f"0 {os.geteuid()} 1")
    os.write(ask, b"!")
    after = os.read(heard, 100).decode().strip()
    os.write(ask, b"!")
    os.waitpid(pid, 0)
    return [
        ["nothing", *before.split(", ")],
        ["0 UID 1 > /proc/PID/uid_map", *after.split(", ")],
    ]


def _became_root() -> str:
    try:
        os.setresuid(0, 0, 0)
    except OSError as error:
        return f"fails: {errno.errorcode[error.errno or 0]}"
    return "works"


def stat(_: Path) -> list[list[str]]:
    """The line that proc_pid_stat(5) describes, of a program with an odd name."""
    pid = os.fork()
    if pid == 0:
        Path("/proc/self/comm").write_text("1) Z (2")
        signal.pause()
        os._exit(0)
    while "1) Z (2" not in (line := Path(f"/proc/{pid}/stat").read_text()):
        pass
    while " S " not in line:
        line = Path(f"/proc/{pid}/stat").read_text()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    name, _, rest = line.partition(" ")[2].rpartition(")")
    state, *_ = rest.split()
    return [["PID", f"{name})", state, "PPID …", "START", "…"]]


def zombie(_: Path) -> list[list[str]]:
    """What is to be seen of a process that was killed, before its parent waits for it."""
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    try:
        os.kill(pid, 0)
        answer = "no error: there is such a process"
    except ProcessLookupError:
        answer = "no such process"
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    there = os.path.exists(f"/proc/{pid}")
    os.waitpid(pid, 0)
    return [
        ["os.kill(pid, 0)", answer],
        ["os.path.exists(f'/proc/{pid}')", str(there)],
        ["field 3 of /proc/PID/stat", fields[0]],
    ]


def bind(place: Path) -> list[list[str]]:
    """A read-only bind mount, in one call and in two."""
    user, group = os.geteuid(), os.getegid()
    linux.unshare(linux.CLONE_NEWUSER | linux.CLONE_NEWNS)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    source, target = place / "source", place / "target"
    source.mkdir()
    target.mkdir()
    rows = []
    linux.mount(source, target, None, linux.MS_BIND | linux.MS_RDONLY)
    rows.append(["MS_BIND | MS_RDONLY", _option(target)])
    linux.mount(None, target, None, linux.MS_BIND | linux.MS_REMOUNT | linux.MS_RDONLY)
    rows.append(["then: MS_BIND | MS_REMOUNT | MS_RDONLY", _option(target)])
    return rows


def _option(target: Path) -> str:
    """ro or rw, as the kernel's table of mounts says, and whether one can write."""
    lines = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    option = next(line[5].split(",")[0] for line in reversed(lines) if line[4] == str(target))
    try:
        (target / "new").write_text("")
    except OSError as error:
        return f"{option}, writing fails: {errno.errorcode[error.errno or 0]}"
    return f"{option}, one can write"


if __name__ == "__main__":
    acts = {"nobody": nobody, "fifo": fifo, "stat": stat, "zombie": zombie, "bind": bind}
    print(json.dumps(acts[sys.argv[1]](Path(sys.argv[2]).resolve())))

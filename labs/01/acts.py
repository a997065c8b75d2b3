"""What lab 01's transcripts show, played for real in a process that is thrown away.

`python labs/01/acts.py ACT DIRECTORY` plays one act in
namespaces of its own, as root or as an ordinary user, and says as JSON what was
seen: a list of rows. DIRECTORY is empty and the caller's to remove.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from minicontainer import linux

Row = list[str]


def become(uid: int, gid: int, spaces: int = 0) -> None:
    """Go on in a user namespace of our own, as this user there."""
    ids = (("uid_map", uid, os.geteuid()), ("gid_map", gid, os.getegid()))
    linux.unshare(linux.CLONE_NEWUSER | spaces)
    Path("/proc/self/setgroups").write_text("deny")
    for name, inside, outside in ids:
        Path(f"/proc/self/{name}").write_text(f"{inside} {outside} 1")


def jail(directory: Path) -> Iterator[Row]:
    """The break-out, call by call: where is /, and where does the process stand?"""
    become(0, 0)
    home = directory / "home"
    (home / "jail").mkdir(parents=True)
    calls: list[tuple[str, Callable[[], None]]] = [
        ("(at first)", lambda: os.chdir(home)),
        ('chroot("jail")', lambda: os.chroot("jail")),
        ('chdir("/")', lambda: os.chdir("/")),
        ('mkdir("door"); chroot("door")', make_door),
        ('chdir("..")', lambda: os.chdir("..")),
        ('chdir(".."), as far as it goes', climb),
        ('chroot(".")', lambda: os.chroot(".")),
    ]
    hear, say = os.pipe()
    go_on, order = os.pipe()
    pid = os.fork()
    if pid == 0:
        for _, call in calls:
            call()
            os.write(say, b".")
            os.read(go_on, 1)
        os._exit(0)
    for name, _ in calls:
        os.read(hear, 1)
        seen = [os.readlink(f"/proc/{pid}/{link}") for link in ("root", "cwd")]
        yield [name, *(path.replace(str(directory), "") or "/" for path in seen)]
        os.write(order, b".")
    os.waitpid(pid, 0)


def make_door() -> None:
    os.mkdir("door")
    os.chroot("door")


def climb() -> None:
    while not os.path.samefile(".", ".."):
        os.chdir("..")


def shared(directory: Path) -> Iterator[Row]:
    """A mount made in a copy of the mount namespace: is it seen outside?"""
    become(0, 0, linux.CLONE_NEWNS)
    for private in (False, True):
        linux.mount("none", "/", None, linux.MS_REC | linux.MS_SHARED)
        pid = os.fork()
        if pid == 0:
            linux.unshare(linux.CLONE_NEWNS)
            if private:
                linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
            linux.mount("tmpfs", directory, "tmpfs")
            os._exit(0)
        os.waitpid(pid, 0)
        seen = str(directory) in Path("/proc/self/mountinfo").read_text()
        yield ["private" if private else "shared, as systemd makes it", "yes" if seen else "no"]
        if seen:
            linux.umount2(directory, linux.MNT_DETACH)


def pivot(directory: Path) -> Iterator[Row]:
    """pivot_root, call by call: which mounts lie on /, the uppermost last?"""
    become(0, 0, linux.CLONE_NEWNS)
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    root = directory / "root"
    (root / "proc").mkdir(parents=True)
    machine = {line[0] for line in mounts_on_root()}
    try:
        linux.pivot_root(root, root)
    except OSError as error:
        yield ["pivot_root of a mere directory", os.strerror(error.errno or 0)]
    linux.mount(root, root, None, linux.MS_BIND | linux.MS_REC)
    linux.mount("/proc", root / "proc", None, linux.MS_BIND | linux.MS_REC)
    os.chdir(root)
    yield ["mount(root, root, MS_BIND), chdir(root)", on_root(machine)]
    linux.pivot_root(".", ".")
    yield ['pivot_root(".", ".")', on_root(machine)]
    linux.umount2(".", linux.MNT_DETACH)
    yield ['umount2(".", MNT_DETACH)', on_root(machine)]


def mounts_on_root() -> list[list[str]]:
    """The lines of mountinfo for the mounts on /: first an id, then that of what it lies on."""
    lines = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [line for line in lines if line[4] == "/"]


def on_root(machine: set[str]) -> str:
    """The mounts on / from the lowest to the uppermost: the machine's, by their ids, or ours."""
    mounts = mounts_on_root()
    ids = {line[0] for line in mounts}
    ordered = sorted(mounts, key=lambda line: line[1] in ids)  # on top of another
    return " < ".join("machine" if line[0] in machine else "root" for line in ordered)


def ordinary(directory: Path) -> Iterator[Row]:
    """User 1000 without any privilege, before and in a user namespace of its own."""
    become(1000, 1000)
    linux.capset(0, 0, 0)
    yield ["an ordinary user", who(), chroot_to(directory)]
    linux.unshare(linux.CLONE_NEWUSER)
    yield ["unshare(CLONE_NEWUSER)", who(), chroot_to(directory)]
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text("0 1000 1")
    Path("/proc/self/gid_map").write_text("0 1000 1")
    yield ["“0 1000 1” written to uid_map", who(), chroot_to(directory)]


def who() -> str:
    return f"uid {os.getuid()}"


def chroot_to(directory: Path) -> str:
    """What a child of ours gets for chroot."""
    pid = os.fork()
    if pid == 0:
        try:
            os.chroot(directory)
        except OSError as error:
            os._exit(error.errno or 1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return os.strerror(code) if code else "works"


ACTS = {act.__name__: act for act in (jail, shared, pivot, ordinary)}

if __name__ == "__main__":
    json.dump(list(ACTS[sys.argv[1]](Path(sys.argv[2]))), sys.stdout)

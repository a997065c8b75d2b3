"""What does a process see of the machine? Its namespaces decide that.

New ones come with the process (clone(2)), others are joined by their file.
Who inside a new user namespace is whom outside: see lib/user_namespace.py.
Spec: runtime-spec, config-linux.md, "Namespaces"; namespaces(7).
"""

from __future__ import annotations

import os

from minicontainer import explain, linux
from minicontainer.errors import ContainerError
from minicontainer.lib.channel import Channel, open_channel

#: the specification's name -> the flag of clone(2) and setns(2), the name in /proc/PID/ns
TYPES = {
    "user": (linux.CLONE_NEWUSER, "user"),
    "cgroup": (linux.CLONE_NEWCGROUP, "cgroup"),
    "ipc": (linux.CLONE_NEWIPC, "ipc"),
    "uts": (linux.CLONE_NEWUTS, "uts"),
    "network": (linux.CLONE_NEWNET, "net"),
    "pid": (linux.CLONE_NEWPID, "pid"),
    "time": (linux.CLONE_NEWTIME, "time"),
    "mount": (linux.CLONE_NEWNS, "mnt"),
}
#: not by clone(2): after joining the cgroup; by unshare(2) only
LATER = ("cgroup", "time")


def wanted(config: dict) -> dict[str, str]:
    """Type -> path to join ("" for a new one), in the order in which they are joined."""
    entries = {entry["type"]: entry.get("path", "") for entry in config["linux"]["namespaces"]}
    return {kind: entries[kind] for kind in TYPES if kind in entries}


def clone_into(namespaces: dict[str, str], flags: int) -> int:
    """linux.clone(flags), and the child is in those of `namespaces` that have a path, too.

    Raises ContainerError. Only for a process with one thread.
    """
    new = [kind for kind, path in namespaces.items() if not path]
    joined = [(kind, open_namespace(path)) for kind, path in namespaces.items() if path]
    explain.step("new namespaces: " + ", ".join(new), "the process sees only what is in them")
    if joined or "time" in new:
        return clone_through_helper(joined, flags, "time" in new)
    try:
        return linux.clone(flags)
    except OSError as error:
        from minicontainer.lib.refusal import why_refused  # seldom needed

        raise why_refused(error) from None


def clone_through_helper(joined: list, flags: int, new_time: bool = False) -> int:
    """Like linux.clone, after joining the namespaces `joined`: (type, open file) each.

    A helper joins them, so that we stay where we are, and gives its child to
    us as ours (CLONE_PARENT), since joining a pid namespace moves only children.
    """
    here, there = open_channel()
    helper = linux.fork()
    if helper == 0:
        here.close()
        _join_and_clone(joined, flags, new_time, there)
        return 0
    try:
        there.close()
        for _, fd in joined:
            os.close(fd)
        return here.receive()["pid"]
    except EOFError:
        raise ContainerError("cannot enter the namespaces: the helper died") from None
    finally:
        here.close()
        os.waitpid(helper, 0)


def _join_and_clone(joined: list, flags: int, new_time: bool, channel: Channel) -> None:
    """The helper's whole life; only its child returns."""
    pid = -1
    try:
        for kind, fd in joined:
            join(kind, fd)
        if new_time:
            linux.unshare(linux.CLONE_NEWTIME)
        pid = linux.clone(flags | linux.CLONE_PARENT)
        if pid:
            channel.send(pid=pid)
    except OSError as error:
        channel.send_error(ContainerError(f"cannot enter the namespaces: {error.strerror}"))
    finally:
        if pid:
            os._exit(0)
    channel.close()


def open_namespace(path: str) -> int:
    """An open file of the namespace at `path`. Raises ContainerError."""
    try:
        return os.open(path, os.O_RDONLY)
    except OSError as error:
        raise ContainerError(f"cannot open the namespace: {error.strerror}", path) from None


def join(kind: str, fd: int) -> None:
    """Move this process into the namespace that `fd` names, unless it is there already."""
    flag, name = TYPES[kind]
    there, here = os.fstat(fd), os.stat(f"/proc/self/ns/{name}")
    if (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino):
        linux.setns(fd, flag)


def bring_up_loopback() -> None:
    """A new network namespace has one device, lo, and it is down. Source: netdevice(7)."""
    import _socket  # the C half of socket: a tenth of its import time
    import fcntl

    up, set_flags = 0x1, 0x8914
    endpoint = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
    fcntl.ioctl(
        endpoint.fileno(), set_flags, b"lo".ljust(16, b"\0") + bytes([up, 0]).ljust(24, b"\0")
    )
    endpoint.close()
    explain.emit("syscall", "ioctl(SIOCSIFFLAGS, lo, IFF_UP)")

"""What does a process see of the machine? Its namespaces decide that.

New ones come with the process (clone(2)), others are joined by their file.
A user namespace also needs its mappings: who inside is whom outside.
Spec: runtime-spec, config-linux.md, "Namespaces"; namespaces(7), user_namespaces(7).
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
_LATER = ("cgroup", "time")  # not by clone(2): after joining the cgroup; by unshare(2) only


def wanted(config: dict) -> dict[str, str]:
    """Type -> path to join ("" for a new one), in the order in which they are joined."""
    entries = {entry["type"]: entry.get("path", "") for entry in config["linux"]["namespaces"]}
    return {kind: entries[kind] for kind in TYPES if kind in entries}


def spawn(config: dict, body) -> int:
    """Start a child of ours in the namespaces of `config`; it runs `body()`, which never returns.

    Returns its pid as we see it. Only for a process with one thread.
    """
    namespaces = wanted(config)
    new = [kind for kind, path in namespaces.items() if not path]
    joined = [(kind, open_namespace(path)) for kind, path in namespaces.items() if path]
    flags = sum(TYPES[kind][0] for kind in new if kind not in _LATER)
    explain.step("new namespaces: " + ", ".join(new), "the process sees only what is in them")
    if joined or "time" in new:
        return spawn_through_helper(joined, flags, body, "time" in new)
    try:
        pid = linux.clone(flags)
    except OSError as error:
        from minicontainer.lib.refusal import why_refused  # seldom needed

        raise why_refused(error) from None
    if pid == 0:
        body()
    return pid


def spawn_through_helper(joined: list, flags: int, body, new_time: bool = False) -> int:
    """Like `spawn`, after joining the namespaces `joined`: (type, open file) each.

    A helper joins them, so that we stay where we are, and gives its child to
    us as ours (CLONE_PARENT), since joining a pid namespace moves only children.
    """
    here, there = open_channel()
    helper = os.fork()
    if helper == 0:
        here.close()
        _join_and_spawn(joined, flags, body, new_time, there)
    there.close()
    for _, fd in joined:
        os.close(fd)
    try:
        return here.receive()["pid"]
    except EOFError:
        raise ContainerError("cannot enter the namespaces: the helper died") from None
    finally:
        here.close()
        os.waitpid(helper, 0)


def _join_and_spawn(joined: list, flags: int, body, new_time: bool, channel: Channel) -> None:
    """The helper's whole life; never returns."""
    try:
        for kind, fd in joined:
            join(kind, fd)
        if new_time:
            linux.unshare(linux.CLONE_NEWTIME)
        pid = linux.clone(flags | linux.CLONE_PARENT)
        if pid == 0:
            channel.close()
            body()
        channel.send(pid=pid)
    except OSError as error:
        channel.send_error(ContainerError(f"cannot enter the namespaces: {error.strerror}"))
    finally:
        os._exit(0)


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


def write_mappings(pid: int, config: dict) -> None:
    """Say who is who in the new user namespace of process `pid`.

    An ordinary user may map only himself (and must give up setgroups(2)
    first); for more, newuidmap and newgidmap look into /etc/subuid.

    Raises ContainerError. Source: user_namespaces(7).
    """
    if wanted(config).get("user") != "":
        return
    users, groups = config["linux"]["uidMappings"], config["linux"]["gidMappings"]
    if os.geteuid() == 0:
        _write_map(pid, "uid_map", users)
        _write_map(pid, "gid_map", groups)
        return
    if _only_himself(groups, os.getegid()):
        _write(f"/proc/{pid}/setgroups", "deny")
        _write_map(pid, "gid_map", groups)
    else:
        _run_helper("newgidmap", pid, groups)
    if _only_himself(users, os.geteuid()):
        _write_map(pid, "uid_map", users)
    else:
        _run_helper("newuidmap", pid, users)


def become_root() -> None:
    """In a new user namespace: take uid and gid 0 of it, which the mappings now define."""
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


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


def _only_himself(mappings: list[dict], own: int) -> bool:
    return len(mappings) == 1 and mappings[0]["size"] == 1 and mappings[0]["hostID"] == own


def _write_map(pid: int, name: str, mappings: list[dict]) -> None:
    lines = [f"{m['containerID']} {m['hostID']} {m['size']}\n" for m in mappings]
    _write(f"/proc/{pid}/{name}", "".join(lines))


def _write(path: str, text: str) -> None:
    try:
        with open(path, "w") as file:
            file.write(text)
    except OSError as error:
        what = f"the kernel refuses the mapping {text.strip()!r}: {error.strerror}"
        raise ContainerError(what, path) from None
    explain.emit("syscall", f"echo {text.strip()!r} > {path}")


def _run_helper(program: str, pid: int, mappings: list[dict]) -> None:
    numbers = [str(m[key]) for m in mappings for key in ("containerID", "hostID", "size")]
    status = os.spawnvp(os.P_WAIT, program, [program, str(pid), *numbers])
    explain.emit("syscall", " ".join([program, str(pid), *numbers]))
    if status == 127:
        raise ContainerError("not installed", program, "install the package uidmap (shadow-utils)")
    if status != 0:
        hint = "/etc/subuid and /etc/subgid must give this user the ids that the mappings name"
        raise ContainerError(f"{program} refuses the mapping", " ".join(numbers), hint)

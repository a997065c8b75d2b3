"""How does an ordinary user become root? In a user namespace, where 0 inside is somebody outside.

The kernel lets a process map only itself into its new namespace, so a helper
that has stayed outside writes the maps: newuidmap where it is more than that,
as /etc/subuid allows. In: mappings, as config.json says them. The only way in.
Sources: user_namespaces(7), newuidmap(1), subuid(5).
"""

from __future__ import annotations

import os
import time

from minicontainer import explain, linux
from minicontainer.errors import ContainerError

from .channel import Channel, open_channel


def enter_user_namespace(flags: int, users: list[dict], groups: list[dict]) -> None:
    """Go on as root of a new user namespace with these mappings, and of new ones of `flags`.

    For a process with one thread. Raises OSError where the machine forbids such
    namespaces, ContainerError where the mappings can't be had.
    """
    _wait_for_threads_to_end()
    here, there = open_channel()
    target = os.getpid()
    helper = linux.fork()
    if helper == 0:
        here.close()
        _map_when_asked(target, users, groups, there)
    try:
        there.close()
        linux.unshare(linux.CLONE_NEWUSER | flags)
        here.send(entered=True)
        here.receive()
    except (EOFError, BrokenPipeError):
        raise ContainerError("no user namespace: what maps its users has died") from None
    finally:
        here.close()
        os.waitpid(helper, 0)
    become_root()


def become_root() -> None:
    """In a new user namespace: take uid and gid 0 of it, which the mappings now define."""
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def _map_when_asked(target: int, users: list[dict], groups: list[dict], channel: Channel) -> None:
    """The helper's whole life: process `target` asks when it is in its namespace."""
    try:
        channel.receive()
        write_mappings(target, users, groups)
        channel.send(mapped=True)
    except EOFError:
        pass  # it has not got one
    except BaseException as error:
        channel.send_error(error)
    finally:
        os._exit(0)


def write_mappings(pid: int, users: list[dict], groups: list[dict]) -> None:
    """Say who is who in the new user namespace of process `pid`.

    An ordinary user may map only himself (and must give up setgroups(2)
    first); for more, newuidmap and newgidmap look into /etc/subuid.

    Raises ContainerError. Source: user_namespaces(7).
    """
    ordinary = os.geteuid() != 0
    if ordinary and not _only_himself(groups, os.getegid()):
        _run_helper("newgidmap", pid, groups)
    else:
        if ordinary:
            _write(f"/proc/{pid}/setgroups", "deny")
        _write_map(pid, "gid_map", groups)
    if ordinary and not _only_himself(users, os.geteuid()):
        _run_helper("newuidmap", pid, users)
    else:
        _write_map(pid, "uid_map", users)


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


def mapping(inside: int, outside: int, size: int = 1) -> dict:
    """`size` ids from `inside` on are those from `outside` on, as config.json says it."""
    return {"containerID": inside, "hostID": outside, "size": size}


def own_mappings() -> tuple[list[dict], list[dict]]:
    """As many users and groups as this user may have inside: itself as 0, then its ranges."""
    from shutil import which  # here and below: most users of this module don't need it

    users, groups = [mapping(0, os.getuid())], [mapping(0, os.getgid())]
    if which("newuidmap") and which("newgidmap"):
        more = id_range("/etc/subuid"), id_range("/etc/subgid")
        if all(more):
            users.append(mapping(1, *more[0]))
            groups.append(mapping(1, *more[1]))
    return users, groups


def id_range(file: str) -> tuple[int, int] | tuple[()]:
    """The first id and how many `file` gives to this user, by name or by number; () if none.

    Source: subuid(5).
    """
    import pwd
    from contextlib import suppress

    names = {str(os.getuid())}
    with suppress(KeyError):
        names.add(pwd.getpwuid(os.getuid()).pw_name)
    try:
        with open(file, encoding="utf-8") as lines:
            entries = [line.strip().split(":") for line in lines]
    except OSError:
        return ()
    given = [(int(e[1]), int(e[2])) for e in entries if len(e) == 3 and e[0] in names]
    return given[0] if given else ()


def is_rootless() -> bool:
    """Whether this is an ordinary user's process, or that of root of a user namespace only."""
    with open("/proc/self/uid_map") as file:
        return os.geteuid() != 0 or file.read().split() != ["0", "0", "4294967295"]


def own_uid() -> int:
    """The id of this process's user, as it is outside of the user namespace."""
    uid = os.geteuid()
    with open("/proc/self/uid_map") as file:
        ranges = [[int(number) for number in line.split()] for line in file]
    return next((out + uid - first for first, out, size in ranges if 0 <= uid - first < size), uid)


def _wait_for_threads_to_end() -> None:
    """A joined thread may live a moment longer in the kernel, which then refuses unshare(2)."""
    deadline = time.monotonic() + 1
    while len(os.listdir("/proc/self/task")) > 1 and time.monotonic() < deadline:
        time.sleep(0.001)

"""An ordinary user becomes root: of a user namespace, which is enough for a container.

As many ids as the system gives the user (/etc/subuid) are mapped into it, so that
an image's files can belong to several users; else only one, the user's own as root.
Source: user_namespaces(7), newuidmap(1), subuid(5).
"""

from __future__ import annotations

import os
import pwd
import shutil
import time

from minicontainer import explain, linux
from minicontainer.errors import ContainerError
from minicontainer.lib.channel import Channel, open_channel
from minicontainer.lib.refusal import why_refused
from minicontainer.step02_runtime import namespaces


def become_root() -> None:
    """Move this process into a private mount namespace, as root there.

    An ordinary user gets a user namespace first. Only for a process with one
    thread. Raises MinicontainerError where the machine forbids such namespaces.
    """
    if os.geteuid() == 0:
        explain.step("a mount namespace", "What is mounted from here on is not seen outside.")
        _unshare(linux.CLONE_NEWNS)
    else:
        why = "An ordinary user may not mount, but root of an own user namespace may."
        explain.step("become root of a user namespace", why)
        _wait_for_threads_to_end()
        _enter_user_namespace()
        namespaces.become_root()
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)


def _wait_for_threads_to_end() -> None:
    """A joined thread may live a moment longer in the kernel, which then refuses unshare(2)."""
    deadline = time.monotonic() + 1
    while len(os.listdir("/proc/self/task")) > 1 and time.monotonic() < deadline:
        time.sleep(0.001)


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


def id_mappings(file: str, own: int, user: str) -> list[dict]:
    """Who is who inside, as config.json says it: 0 is `own`, then what `file` gives `user`."""
    mappings = [{"containerID": 0, "hostID": own, "size": 1}]
    if shutil.which("newuidmap") and shutil.which("newgidmap"):
        for start, count in _ranges(file, own, user)[:1]:
            mappings.append({"containerID": 1, "hostID": start, "size": count})
    return mappings


def _enter_user_namespace() -> None:
    """unshare(2), while a child that has stayed outside writes the mappings for us."""
    wanted = _own_mappings()
    here, there = open_channel()
    parent = os.getpid()
    mapper = os.fork()
    if mapper == 0:
        here.close()
        _map_when_asked(parent, wanted, there)
    there.close()
    try:
        _unshare(linux.CLONE_NEWUSER | linux.CLONE_NEWNS)
        here.send(entered=True)
        here.receive()
    except (EOFError, BrokenPipeError):
        raise ContainerError("no user namespace: what maps its users has died") from None
    finally:
        here.close()
        os.waitpid(mapper, 0)


def _unshare(flags: int) -> None:
    try:
        linux.unshare(flags)
    except OSError as error:
        raise why_refused(error) from None


def _own_mappings() -> dict:
    """The user namespace that this user may have, as config.json says it."""
    uid, gid = os.getuid(), os.getgid()
    user = _user_name(uid)
    users = id_mappings("/etc/subuid", uid, user)
    groups = id_mappings("/etc/subgid", gid, user)
    if len(users) != len(groups):
        users, groups = users[:1], groups[:1]
    return {"namespaces": [{"type": "user"}], "uidMappings": users, "gidMappings": groups}


def _map_when_asked(pid: int, wanted: dict, channel: Channel) -> None:
    """The mapper's whole life: process `pid` asks when it is in its namespace; never returns."""
    try:
        channel.receive()
        namespaces.write_mappings(pid, {"linux": wanted})
        channel.send(mapped=True)
    except EOFError:
        pass  # it has not got one
    except BaseException as error:
        channel.send_error(error)
    finally:
        os._exit(0)


def _ranges(file: str, own: int, user: str) -> list[tuple[int, int]]:
    """The (first id, how many) that `file` gives to the user, by name or by number."""
    try:
        with open(file, encoding="utf-8") as lines:
            entries = [line.strip().split(":") for line in lines]
    except OSError:
        return []
    names = (user, str(own))
    return [(int(e[1]), int(e[2])) for e in entries if len(e) == 3 and e[0] in names]


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)

"""What do we remember of a container, and how is it now?

Each container has a directory ROOT/ID with state.json (what `create` decided,
never changed afterwards) and, until it is started, the FIFO on which its init
waits. The status is never stored: it is derived from the process and the FIFO.
Spec: runtime-spec, runtime.md, "State".
"""

from __future__ import annotations

import os
import time

from . import cgroups
from .errors import ContainerError, NoSuchContainer
from .jsontext import dumps, loads

FIFO = "exec.fifo"
_RECORD = "state.json"
_ID_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.")


def state(root: str, id: str) -> dict:
    """The state of the container `id` as the specification's JSON, its status derived now.

    Status: creating, created, running, paused or stopped; `pid` is the host's
    number of the init process, 0 when stopped.

    Raises NoSuchContainer. Spec: runtime-spec, runtime.md, "State".
    """
    record = load(root, id)
    status = derive_status(root, id, record)
    return public_state(record, status)


def derive_status(root: str, id: str, record: dict) -> str:
    """What the container is doing, from its process and its FIFO.

    A process counts only with its start time: a pid is used again, and a
    zombie has ended.
    """
    init, creator = record.get("init"), record["creator"]
    if init is None:
        return "creating" if is_alive(creator) else "stopped"
    if not is_alive(init):
        return "stopped"
    if os.path.exists(os.path.join(root, id, FIFO)):
        return "created"
    return "paused" if cgroups.is_frozen(record["cgroup"]) else "running"


def public_state(record: dict, status: str) -> dict:
    """The part of `record` that the specification shows to others."""
    alive = record.get("init") and status != "stopped"
    found = {
        "ociVersion": record["ociVersion"],
        "id": record["id"],
        "pid": record["init"]["pid"] if alive else 0,
        "status": status,
        "bundle": record["bundle"],
        "rootfs": record["config"]["root"]["path"],
        "created": record["created"],
        "owner": record["owner"],
    }
    annotations = record["config"].get("annotations")
    return {**found, "annotations": annotations} if annotations else found


def list_containers(root: str) -> list[dict]:
    """The state of every container under `root`, sorted by id; none when there is no `root`."""
    found = []
    for id in sorted(os.listdir(root)) if os.path.isdir(root) else []:
        try:
            found.append(state(root, id))
        except ContainerError:
            continue  # deleted since we looked, half made, or not a container at all
    return found


def default_root() -> str:
    """Where containers are kept when --root does not say: a directory of this user's own."""
    if os.geteuid() == 0:
        return "/run/minirunc"
    if os.environ.get("XDG_RUNTIME_DIR"):
        return os.path.join(os.environ["XDG_RUNTIME_DIR"], "minirunc")
    return f"/tmp/minirunc-{os.geteuid()}"


def check_id(id: str) -> str:
    """`id` itself, if it is a plain name: it becomes a directory's name. Raises ContainerError."""
    if not id or not set(id) <= _ID_CHARACTERS or id.startswith(".") or len(id) > 255:
        hint = "use letters, digits and _ + - . (not at the beginning)"
        raise ContainerError(f"invalid container id {id!r}", "", hint)
    return id


def new_record(id: str, bundle: str, config: dict) -> dict:
    """What is known of a container before its process exists."""
    now = time.time_ns()
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 10**9))
    return {
        "ociVersion": config["ociVersion"],
        "id": id,
        "bundle": os.path.abspath(bundle),
        "created": f"{whole}.{now % 10**9:09d}Z",
        "owner": _user_name(),
        "creator": identity(os.getpid()),
        "init": None,
        "cgroup": cgroups.plan(id, config),
        "config": config,
    }


def reserve(root: str, record: dict) -> str:
    """Take the container's id: make its directory, whole and at once. Returns its path.

    Raises ContainerError when another container has the id.
    """
    directory = os.path.join(root, record["id"])
    try:
        _make_root(root)
        draft = os.path.join(root, f".{record['id']}.{os.getpid()}"[:255])
        os.mkdir(draft, 0o711)
    except OSError as error:
        raise ContainerError(error.strerror or "", root, "choose another place by --root") from None
    try:
        save(draft, record)
        os.mkfifo(os.path.join(draft, FIFO))
        # init opens it when it is no longer root; the directory keeps others out
        os.chmod(os.path.join(draft, FIFO), 0o622)
        os.rename(draft, directory)  # refuses a directory that holds something
    except OSError:
        remove(draft)
        if not os.path.isdir(directory):
            raise
        raise ContainerError("a container with this id exists already", record["id"]) from None
    return directory


def save(directory: str, record: dict) -> None:
    """Write `record` so that a reader finds the old one or the new one, never half of it."""
    path = os.path.join(directory, _RECORD)
    draft = f"{path}.{os.getpid()}"
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(fd, "w") as file:
        file.write(dumps(record))
    os.replace(draft, path)


def load(root: str, id: str) -> dict:
    """The record of the container `id`. Raises NoSuchContainer, or ContainerError if damaged."""
    check_id(id)
    path = os.path.join(root, id, _RECORD)
    try:
        with open(path, "rb") as file:
            return loads(file.read())
    except FileNotFoundError:
        raise NoSuchContainer("container does not exist", id) from None
    except OSError as error:
        raise ContainerError(error.strerror or "", path) from None
    except ValueError:
        hint = f"`minirunc delete --force {id}` removes it"
        raise ContainerError("the saved state is damaged", path, hint) from None


def remove(directory: str) -> None:
    """Remove a container's directory and the plain files in it; nothing happens if it is gone."""
    try:
        for name in os.listdir(directory):
            os.unlink(os.path.join(directory, name))
        os.rmdir(directory)
    except FileNotFoundError:
        return


def identity(pid: int) -> dict:
    """What tells this process from a later one of the same number: its start in clock ticks."""
    return {"pid": pid, "start": start_time(pid)}


def is_alive(process: dict) -> bool:
    """Whether the process that `identity` described still runs."""
    return process["start"] is not None and start_time(process["pid"]) == process["start"]


def start_time(pid: int) -> int | None:
    """When process `pid` began, in clock ticks since boot; None when it has ended.

    Source: proc_pid_stat(5), fields 3 (state) and 22 (starttime).
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # the name in parentheses may hold spaces and parentheses itself
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def _make_root(root: str) -> None:
    os.makedirs(root, 0o711, exist_ok=True)
    if os.stat(root).st_uid not in (os.geteuid(), 0):
        raise PermissionError(1, "the directory belongs to another user", root)


def _user_name() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())

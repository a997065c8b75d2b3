"""What do we remember of a container, and how is it now?

Each container has a directory ROOT/ID with state.json (what `create` decided,
never changed afterwards) and, until it is started, the FIFO on which its init
waits. The status is never stored: it is derived from the process and the FIFO.
A pid is used again when its process has ended, so its start names it as well.
Spec: runtime-spec, runtime.md, "State"; proc_pid_stat(5).
"""

from __future__ import annotations

import os
import time

from minicontainer.errors import ContainerError, NoSuchContainer
from minicontainer.lib import cgroups
from minicontainer.lib.files import write_whole
from minicontainer.lib.jsontext import dumps, loads

FIFO = "exec.fifo"
_RECORD = "state.json"
_ID_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.")


def state(root: str, id: str) -> dict:
    """The container's state as the specification has it, its status derived now.

    The status follows from the record and from what is there:
    stopped   the process "init" does not run any more
    creating  "init" is None, and the process "creator" runs (else: stopped)
    created   "init" runs, and its FIFO is still there
    paused    "init" runs, the FIFO is gone, and the cgroup is frozen
    running   "init" runs, the FIFO is gone

    Raises NoSuchContainer. Spec: runtime-spec, runtime.md, "State".
    """
    record = load(root, id)
    init = record["init"]
    if not is_alive(init or record["creator"]):
        status = "stopped"
    elif init is None:
        status = "creating"
    elif os.path.exists(fifo_path(root, id)):
        status = "created"
    else:
        status = "paused" if cgroups.is_frozen(record["cgroup"]) else "running"
    return public_state(record, status)


def start_time(pid: int) -> int | None:
    """When process `pid` began, in clock ticks since boot; None when it has ended.

    /proc/PID/stat says so in one line: the pid, the program's name in
    parentheses (it may hold spaces and parentheses itself), and from field 3 on
    words: field 3 is the state, Z for a zombie and X for one that is dead,
    field 22 the start. A zombie has ended.
    Source: proc_pid_stat(5).
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def process_identity(pid: int) -> dict:
    """What tells this process from a later one of the same number: its start in clock ticks."""
    return {"pid": pid, "start": start_time(pid)}


def is_alive(process: dict) -> bool:
    """Whether the process that `process_identity` described still runs."""
    return process["start"] is not None and start_time(process["pid"]) == process["start"]


def public_state(record: dict, status: str) -> dict:
    """What the specification shows of `record` to others; `pid` is 0 for one that has ended."""
    alive = record["init"] and status != "stopped"
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
    """The states of all containers under the directory `root`, sorted by id.

    The list is empty when there is no such directory. What is damaged, half
    made or no container at all is left out.
    Source: runc(8), `list`.
    """
    found = []
    for id in sorted(os.listdir(root)) if os.path.isdir(root) else []:
        try:
            found.append(state(root, id))
        except ContainerError:
            continue
    return found


def default_root() -> str:
    """Where containers are kept when --root does not say: a directory of this user's own."""
    if os.geteuid() == 0:  # whatever the environment: engines call root's runtime without one
        return "/run/minirunc"
    from minicontainer.lib.places import runtime_directory

    return runtime_directory("minirunc")


def check_id(id: str) -> str:
    """`id` itself, if it is a plain name: it becomes a directory's name. Raises ContainerError."""
    if not id or not set(id) <= _ID_CHARACTERS or id.startswith(".") or len(id) > 255:
        hint = "use letters, digits and _ + - . (not at the beginning)"
        raise ContainerError(f"invalid container id {id!r}", "", hint)
    return id


def new_record(id: str, bundle: str, config: dict) -> dict:
    """What is known of a container before its process exists. Raises ContainerError for bad ids."""
    check_id(id)
    now = time.time_ns()
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 10**9))
    return {
        "ociVersion": config["ociVersion"],
        "id": id,
        "bundle": os.path.abspath(bundle),
        "created": f"{whole}.{now % 10**9:09d}Z",
        "owner": _user_name(),
        "creator": process_identity(os.getpid()),
        "init": None,
        "cgroup": cgroups.plan(id, config),
        "config": config,
    }


def reserve(root: str, record: dict) -> None:
    """Take the container's id: make its directory, whole and at once.

    Raises ContainerError when another container has the id.
    """
    directory = os.path.join(root, record["id"])
    try:
        _make_root(root)
        draft = os.path.join(root, f".{record['id']}.{os.getpid()}"[:255])
        os.mkdir(draft, 0o711)
    except OSError as error:
        hint = "choose another place by --root, or let XDG_RUNTIME_DIR name one"
        raise ContainerError(error.strerror or "", root, hint) from None
    try:
        _write_record(draft, record)
        os.mkfifo(os.path.join(draft, FIFO))
        # init opens it when it is no longer root; the directory keeps others out
        os.chmod(os.path.join(draft, FIFO), 0o622)
        os.rename(draft, directory)  # refuses a directory that holds something
    except OSError:
        _remove_directory(draft)
        if not os.path.isdir(directory):
            raise
        raise ContainerError("a container with this id exists already", record["id"]) from None


def save(root: str, record: dict) -> None:
    """Write `record` so that a reader finds the old one or the new one, never half of it."""
    _write_record(os.path.join(root, record["id"]), record)


def _write_record(directory: str, record: dict) -> None:
    write_whole(os.path.join(directory, _RECORD), dumps(record).encode(), mode=0o600)


def load(root: str, id: str) -> dict:
    """The record of the container `id`. Raises NoSuchContainer, or ContainerError if damaged."""
    path = os.path.join(root, check_id(id), _RECORD)
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


def fifo_path(root: str, id: str) -> str:
    """The FIFO on which the init of the container `id` waits; it is gone once that is started."""
    return os.path.join(root, id, FIFO)


def remove(root: str, id: str) -> None:
    """Forget the container `id`: remove its directory; nothing happens if it is gone."""
    _remove_directory(os.path.join(root, check_id(id)))


def _remove_directory(directory: str) -> None:
    try:
        for name in os.listdir(directory):
            os.unlink(os.path.join(directory, name))
        os.rmdir(directory)
    except FileNotFoundError:
        return


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

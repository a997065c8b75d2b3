"""The directory of each container, beside the images in the store.

containers/ID/ holds container.json (what was asked for, and how it ended), the
bundle (config.json, rootfs) and what the container wrote (upper). The runtime's
own record of the process is a state directory elsewhere, as with every engine:
that is gone after a reboot, this one is not.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from typing import Any

from minicontainer.errors import MinicontainerError
from minicontainer.lib.files import write_whole
from minicontainer.step02_runtime import lifecycle
from minicontainer.step02_runtime.state import is_alive

from .rootless import is_rootless, own_uid

Record = dict[str, Any]
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")


class ContainerError(MinicontainerError):
    """A container that is not there, not unique, or in the way."""


def runtime_root() -> str:
    """The runtime's state directory for our containers: `minirunc --root` shows what is in it.

    The same before and after become_root.
    """
    base = os.environ.get("XDG_RUNTIME_DIR") or (None if is_rootless() else "/run")
    return f"{base}/minicontainer" if base else f"/tmp/minicontainer-{own_uid()}"


def directory(store: str, identity: str) -> str:
    """Where the container `identity` keeps its files."""
    return os.path.join(store, "containers", identity)


def new_container(store: str, record: Record) -> Record:
    """Make the directory of a new container; its record, with a random id as docker's.

    Its name is `record["name"]`, or if that is empty the beginning of the id.
    Raises ContainerError when the name is taken or not a name.
    """
    name = record["name"]
    if not _NAME.fullmatch(name or "x"):
        raise ContainerError("a container's name is made of letters, digits, _ . and -", name)
    identity = secrets.token_hex(32)
    with _locked(store):
        if name and any(other["name"] == name for other in all_containers(store)):
            hint = f"Take another name, or remove that container: minicontainer rm {name}"
            raise ContainerError("the name is in use by another container", name, hint)
        os.makedirs(directory(store, identity))
        created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        record = {**record, "id": identity, "name": name or identity[:12], "created": created}
        write(store, record)
    return record


def write(store: str, record: Record) -> None:
    """Write container.json anew, at once."""
    path = os.path.join(directory(store, record["id"]), "container.json")
    write_whole(path, json.dumps(record, indent=2).encode())


def ended(store: str, record: Record, status: int) -> None:
    """Remember the exit status of the container's process, unless `rm` has been here already."""
    with contextlib.suppress(FileNotFoundError):
        write(store, {**record, "exit_status": status})


def all_containers(store: str) -> list[Record]:
    """The records of all containers, the newest first; unreadable ones are left out."""
    try:
        names = os.listdir(os.path.join(store, "containers"))
    except FileNotFoundError:
        return []
    records = []
    for name in names:
        with contextlib.suppress(OSError, ValueError):
            path = os.path.join(directory(store, name), "container.json")
            with open(path, encoding="utf-8") as file:
                records.append(json.load(file))
    return sorted(records, key=lambda record: record["created"], reverse=True)


def find(store: str, text: str) -> Record:
    """The container whose name is `text`, or whose id begins with it.

    Raises ContainerError when there is none, or more than one.
    """
    records = all_containers(store)
    fitting = [record for record in records if record["name"] == text]
    fitting = fitting or [record for record in records if record["id"].startswith(text)]
    if not fitting:
        raise ContainerError("no such container", text, "minicontainer ps -a lists them.")
    if len(fitting) > 1:
        raise ContainerError("the id fits more than one container", text, "Give more of it.")
    return fitting[0]


def status(record: Record) -> str:
    """created, running, paused or stopped, from the process itself (the runtime's `state`)."""
    try:
        return lifecycle.state(runtime_root(), record["id"])["status"]
    except MinicontainerError:
        return "stopped"


def is_in_use(record: Record) -> bool:
    """Whether the container's process, or the command that runs it, is still there."""
    return status(record) != "stopped" or is_alive(record["owner"])


@contextlib.contextmanager
def _locked(store: str) -> Iterator[None]:
    """Only one process at a time changes the list of containers."""
    os.makedirs(os.path.join(store, "containers"), exist_ok=True)
    with open(os.path.join(store, "containers", ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

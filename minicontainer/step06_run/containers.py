"""The directory of each container, beside the images in the store.

containers/ID/ holds container.json (what was asked for, and how it ended), the
bundle (config.json, rootfs) and what the container wrote (upper). The runtime's
own record of the process is a state directory elsewhere, as with every engine:
that is gone after a reboot, this one is not.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import time
from pathlib import Path
from typing import Any

from minicontainer.errors import MinicontainerError
from minicontainer.lib.files import write_whole
from minicontainer.lib.locks import locked
from minicontainer.lib.places import runtime_directory
from minicontainer.lib.removal import remove_tree

Record = dict[str, Any]
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")


def runtime_root() -> str:
    """The runtime's state directory for our containers: `minirunc --root` shows what is in it."""
    return runtime_directory("minicontainer")


def directory(store: str, id: str) -> str:
    """Where the container `id` keeps its files."""
    return os.path.join(store, "containers", id)


def new_container(store: str, record: Record) -> Record:
    """Make the directory of a new container; its record, with a random id as docker's.

    Its name is `record["name"]`, or if that is empty the beginning of the id.
    Raises MinicontainerError when the name is taken or not a name.
    """
    name = record["name"]
    if not _NAME.fullmatch(name or "x"):
        raise MinicontainerError("a container's name is made of letters, digits, _ . and -", name)
    id = secrets.token_hex(32)
    with locked(Path(store, "containers", ".lock")):
        if name and any(other["name"] == name for other in all_containers(store)):
            hint = f"Take another name, or remove that container: minicontainer rm {name}"
            raise MinicontainerError("the name is in use by another container", name, hint)
        created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        record = {**record, "id": id, "name": name or id[:12], "created": created}
        try:
            os.makedirs(directory(store, id))
            write(store, record)
        except BaseException:  # without its record it would not be found again
            remove_tree(directory(store, id))
            raise
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
    records = []
    for path in Path(store).glob("containers/*/container.json"):
        with contextlib.suppress(OSError, ValueError):
            records.append(json.loads(path.read_text("utf-8")))
    return sorted(records, key=lambda record: record["created"], reverse=True)

"""The containers there are: found by name or id, and how each is now."""

from __future__ import annotations

import json

from minicontainer.errors import MinicontainerError
from minicontainer.step02_runtime import lifecycle
from minicontainer.step02_runtime.state import is_alive
from minicontainer.step06_run.containers import Record, all_containers, directory, runtime_root


class UnknownContainer(MinicontainerError):
    """No container is meant, or more than one."""


def find(store: str, text: str) -> Record:
    """The container whose name is `text`, or whose id begins with it. Raises UnknownContainer."""
    records = all_containers(store)
    fitting = [record for record in records if record["name"] == text]
    fitting = fitting or [record for record in records if record["id"].startswith(text)]
    if not fitting:
        raise UnknownContainer("no such container", text, "minicontainer ps -a lists them.")
    if len(fitting) > 1:
        raise UnknownContainer("the id fits more than one container", text, "Give more of it.")
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


def command(store: str, record: Record) -> list[str]:
    """The program of the container and its arguments, from its bundle; [] while there is none."""
    try:
        with open(f"{directory(store, record['id'])}/config.json", encoding="utf-8") as file:
            return json.load(file)["process"]["args"]
    except (OSError, ValueError):
        return []

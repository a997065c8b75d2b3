"""Where is this container in its life, and what does its runtime remember of it?

In: a status, or a runtime's state directory (`--root`), ours, runc's or
another's, which is only read. Out: pictures.
runtime-spec, runtime.md, "State" and "Lifecycle".
"""

from __future__ import annotations

import json
import os
import stat
import textwrap
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from minicontainer.lib.files import files_below

from .drawing import Picture, Sketch
from .render import PictureError
from .text import columns, plural, readable, size

#: status -> what it means, kind of box.
STATES = {
    "creating": "namespaces, mounts",
    "created": "waits before exec",
    "running": "the program runs",
    "paused": "frozen by its cgroup",
    "stopped": "the process has ended",
}
_STEPS = (
    ("", "creating", "create"),
    ("creating", "created", ""),
    ("created", "running", "start"),
    ("running", "paused", "pause"),
    ("paused", "running", "resume"),
    ("running", "stopped", "exit, kill"),
    ("created", "stopped", "kill"),
    ("stopped", "gone", "delete"),
)
#: files in one container's directory, containers in one root.
MOST_FILES, MOST_CONTAINERS = 24, 12
LARGEST_STATE = 1 << 20
#: what the state files of ours, of runc and of crun hold that people ask for.
_FACTS = ("pid", "init_process_pid", "status", "created", "bundle", "rootfs")


def lifecycle(status: str | None = None) -> Picture:
    """The states of a container, with the one it is in (`status`) lit.

    Raises PictureError for a status that the specification does not know.
    """
    if status is not None and status not in STATES:
        raise PictureError(f"no status {status!r}", hint=f"one of: {', '.join(STATES)}")
    sketch = Sketch(ranksep=".2", nodesep=".3")
    nodes = {
        "": sketch.node("plain", ["a bundle"]),
        **{name: _state(sketch, name, status) for name in STATES},
        "gone": sketch.node("plain", ["nothing left"]),
    }
    for tail, head, verb in _STEPS:
        ports = {"tailport": "_", "headport": "_"} if "paused" in (tail, head) else {}
        sketch.edge(nodes[tail], nodes[head], verb, fontsize="10", **ports)
    here = f" This container is {status}." if status else ""
    verbs = "; ".join(
        f"{tail} becomes {head} by {verb}" for tail, head, verb in _STEPS if tail and verb
    )
    return sketch.picture(f"The life of a container: {verbs}.{here}")


def _state(sketch: Sketch, name: str, status: str | None) -> str:
    lines = [name, *textwrap.wrap(STATES[name], 12)]
    if status is None:
        return sketch.node("manifest", lines)
    if name == status:
        return sketch.node("layer", [*lines, "it is here"], penwidth="2.4")
    return sketch.node("quiet", lines)


class StateFile(NamedTuple):
    """A file below a state directory: its name there, its kind and its size in bytes."""

    name: str
    kind: str
    size: int


def state_directory(root: str | os.PathLike[str]) -> Picture:
    """The directory in which a runtime (minirunc, runc, crun, …) keeps its containers' state.

    For each container its files with their sizes, and what its state says. runc's own is
    /run/runc; Docker gives it /run/docker/runtime-runc/moby, containerd /run/containerd/runc/NS
    (k8s.io, default, …). Nothing is changed. Raises PictureError when `root` can't be read.
    """
    root = Path(root)
    try:
        names = sorted(
            entry.name for entry in os.scandir(root) if entry.is_dir(follow_symlinks=False)
        )
    except OSError as error:
        raise PictureError(error.strerror or str(error), str(root)) from error
    sketch = Sketch(ranksep=".5")
    top = sketch.node("reference", [str(root), plural(len(names), "container")])
    described = []
    for name in names[:MOST_CONTAINERS]:
        files = list(state_files(root / name))
        facts = state_facts(root / name)
        container = sketch.node("process", [name[:40], *facts])
        sketch.edge(top, container)
        if files:
            sketch.edge(container, sketch.node("config", _file_lines(files)))
        described.append(f"{name}: {', '.join([*facts, plural(len(files), 'file')])}")
    if len(names) > MOST_CONTAINERS:
        more = sketch.node("quiet", [f"… and {len(names) - MOST_CONTAINERS} more"])
        sketch.edge(top, more)
    words = ". ".join(described) or "It is empty"
    return sketch.picture(f"The state directory {root}. {words}.")


def state_files(directory: Path) -> Iterator[StateFile]:
    """The files below `directory`, sorted; no link is followed, what can't be read is left out."""
    for name, status in islice(files_below(directory), MOST_FILES):
        yield StateFile(name, _kind(status.st_mode), status.st_size)


def _kind(mode: int) -> str:
    kinds = {stat.S_IFREG: "", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket", stat.S_IFLNK: "link"}
    return kinds.get(stat.S_IFMT(mode), "special")


def _file_lines(files: list[StateFile]) -> list[str]:
    widest = min(max(columns(file.name) for file in files), 40)
    return [f"{readable(it.name, 40):<{widest}}  {it.kind or size(it.size)}" for it in files]


def state_facts(directory: Path) -> list[str]:
    """What the container's state file says, a line each; nothing when there is none to read."""
    for name in ("state.json", "status"):
        try:
            path = directory / name
            if not path.is_file() or path.stat().st_size > LARGEST_STATE:
                continue
            record = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            return [_derived(directory), *_known(record)] if "init" in record else _known(record)
    return []


def _known(record: dict[str, Any]) -> list[str]:
    """The facts of a record of any runtime that people ask for."""
    if isinstance(record.get("init"), dict):
        record = {**record, **record["init"]}
    found = [(key, record.get(key)) for key in _FACTS]
    return [f"{key} {readable(value, 44)}" for key, value in found if isinstance(value, (str, int))]


def _derived(directory: Path) -> str:
    """Our own containers' status, which no file holds."""
    from minicontainer.errors import MinicontainerError
    from minicontainer.step02_runtime.state import state

    try:
        return f"status {state(str(directory.parent), directory.name)['status']}"
    except (MinicontainerError, OSError, KeyError, TypeError):
        return "status unknown"

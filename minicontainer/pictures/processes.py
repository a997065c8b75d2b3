"""Which processes are in a container, and what do they share with others?

In: pids as this process sees them. Out: pictures of the process tree with the
pids inside and outside, and of two processes' namespaces side by side.
Source: proc_pid_status(5), NSpid; proc_pid_stat(5); namespaces(7).
"""

from __future__ import annotations

import os
from typing import NamedTuple

from .drawing import Picture, Sketch
from .render import PictureError
from .text import plural

NAMESPACES = ("user", "mnt", "pid", "uts", "ipc", "net", "cgroup", "time")
#: what each namespace gives a process of its own.
MEANING = {
    "user": "user ids",
    "mnt": "mounts",
    "pid": "process ids",
    "uts": "host name",
    "ipc": "shared memory",
    "net": "network",
    "cgroup": "cgroup root",
    "time": "clocks",
}
MOST_PROCESSES = 60


class Process(NamedTuple):
    """A process: its pid here, its parent's, its name, and its pids from here inwards."""

    pid: int
    parent: int
    name: str
    pids: tuple[int, ...]

    @property
    def inside(self) -> int:
        """The pid that the process has for itself."""
        return self.pids[-1]


def process_tree(pid: int) -> Picture:
    """The processes that share the pid namespace of `pid`, with both of their pids.

    Raises PictureError when there is no such process.
    """
    processes = {process.pid: process for process in map(read_process, _all_pids()) if process}
    if pid not in processes:
        raise PictureError("no such process", f"pid {pid}")
    members = _members(pid, processes)
    shown = [processes[member] for member in sorted(members)[:MOST_PROCESSES]]
    sketch = Sketch(ranksep=".5")
    nodes: dict[int, str] = {}
    outside = sorted({it.parent for it in shown} - members)
    for parent in outside:
        if parent in processes:
            nodes[parent] = sketch.node("quiet", [processes[parent].name, f"outside  {parent}"])
    namespace = namespace_of(pid, "pid")
    with sketch.cluster([f"pid namespace {namespace or ''}".rstrip()]):
        for it in shown:
            lines = [it.name, f"inside   {it.inside}", f"outside  {it.pid}"]
            nodes[it.pid] = sketch.node("process", lines, wide=13)
        if len(members) > len(shown):
            sketch.node("quiet", [f"… and {len(members) - len(shown)} more"])
    for it in reversed(shown):  # Graphviz stacks them upwards
        if it.parent in nodes:
            sketch.edge(nodes[it.parent], nodes[it.pid])
    words = ", ".join(f"{it.name} is {it.inside} inside and {it.pid} outside" for it in shown)
    count = plural(len(members), "process")
    return sketch.picture(f"{count} in the pid namespace of pid {pid}: {words}.")


def _all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def read_process(pid: int) -> Process | None:
    """What /proc says of `pid`; None when it has ended meanwhile."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            lines = dict(line.split(":", 1) for line in file if ":" in line)
    except (FileNotFoundError, ProcessLookupError):
        return None
    pids = tuple(map(int, lines.get("NSpid", str(pid)).split()))
    return Process(pid, int(lines["PPid"]), lines["Name"].strip(), pids)


def _members(pid: int, processes: dict[int, Process]) -> set[int]:
    """Those in the pid namespace of `pid`; where that can't be read, `pid` and its descendants."""
    namespace = namespace_of(pid, "pid")
    if namespace is not None and namespace != namespace_of(os.getpid(), "pid"):
        return {other for other in processes if namespace_of(other, "pid") == namespace}
    found = {pid}
    for _ in processes:
        more = {it.pid for it in processes.values() if it.parent in found} - found
        if not more:
            break
        found |= more
    return found


def namespace_of(pid: int, kind: str) -> str | None:
    """The number of a namespace of `pid`; None when it can't be seen."""
    try:
        return os.readlink(f"/proc/{pid}/ns/{kind}").partition("[")[2].rstrip("]")
    except OSError:
        return None


def namespaces(pid_a: int, pid_b: int) -> Picture:
    """The namespaces of two processes side by side: the same, or each its own.

    Raises PictureError when one of the processes is not there, or is another user's.
    """
    sides = [read_process(pid) for pid in (pid_a, pid_b)]
    for pid, side in zip((pid_a, pid_b), sides, strict=True):
        if side is None:
            raise PictureError("no such process", f"pid {pid}")
        if namespace_of(pid, "user") is None:
            hint = "only its user and root may"
            raise PictureError("its namespaces can't be looked at", f"pid {pid}", hint)
    sketch = Sketch(ranksep=".6")
    left, right = (sketch.node("process", [it.name, f"pid {it.pid}"]) for it in sides if it)
    compared, same = [], []
    for kind in NAMESPACES:
        a, b = namespace_of(pid_a, kind), namespace_of(pid_b, kind)
        if a is None or b is None:
            continue
        compared.append(kind)
        first = f"{kind:<7} {MEANING[kind]}"
        same += [kind] if a == b else []
        colour = "layer" if a == b else "shared"
        own, other = (sketch.node(colour, [first, it], "", 22) for it in (a, b))
        look = {"penwidth": "2", "color": "#1a7f37"} if a == b else {"style": "dotted"}
        sketch.edge(left, own)
        sketch.edge(own, other, "the same" if a == b else "different", dir="none", **look)
        sketch.edge(other, right, dir="back")
    different = [kind for kind in compared if kind not in same]
    return sketch.picture(
        f"Namespaces of pid {pid_a} and pid {pid_b}. "
        f"The same: {', '.join(same) or 'none'}. Different: {', '.join(different) or 'none'}."
    )

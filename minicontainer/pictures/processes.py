"""Which processes are in a container, and what do they share with others?

In: pids as this process sees them. Out: pictures of the process tree with the
pids inside and outside, and of two processes' namespaces side by side.
Source: proc_pid_status(5), NSpid; proc_pid_stat(5); namespaces(7).
"""

from __future__ import annotations

from typing import NamedTuple

from minicontainer.lib.processes import all_pids, in_pid_namespace_of, namespace_of, status_of

from .drawing import Picture, Sketch
from .render import PictureError
from .text import plural

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
    processes = {process.pid: process for process in map(read_process, all_pids()) if process}
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
    with sketch.cluster([f"pid namespace {namespace_of(pid, 'pid')}".rstrip()]):
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


def read_process(pid: int) -> Process | None:
    """What /proc says of `pid`; None when it has ended meanwhile."""
    try:
        fields = status_of(pid)
    except (FileNotFoundError, ProcessLookupError):
        return None
    pids = tuple(map(int, fields.get("NSpid", str(pid)).split()))
    return Process(pid, int(fields["PPid"]), fields["Name"], pids)


def _members(pid: int, processes: dict[int, Process]) -> set[int]:
    """Those in the pid namespace of `pid`; where that can't be read, `pid` and its descendants."""
    if namespace_of(pid, "pid") not in ("", namespace_of("self", "pid")):
        return set(in_pid_namespace_of(pid)) & set(processes)
    found = {pid}
    while more := {it.pid for it in processes.values() if it.parent in found} - found:
        found |= more
    return found


def namespaces(pid_a: int, pid_b: int) -> Picture:
    """The namespaces of two processes side by side: the same, or each its own.

    Raises PictureError when one of the processes is not there, or is another user's.
    """
    sides = [read_process(pid) for pid in (pid_a, pid_b)]
    for pid, side in zip((pid_a, pid_b), sides, strict=True):
        if side is None:
            raise PictureError("no such process", f"pid {pid}")
        if not namespace_of(pid, "user"):
            hint = "only its user and root may"
            raise PictureError("its namespaces can't be looked at", f"pid {pid}", hint)
    sketch = Sketch(ranksep=".6")
    left, right = (sketch.node("process", [it.name, f"pid {it.pid}"]) for it in sides if it)
    compared, same = [], []
    for kind, meaning in MEANING.items():
        a, b = namespace_of(pid_a, kind), namespace_of(pid_b, kind)
        if not (a and b):
            continue
        compared.append(kind)
        first = f"{kind:<7} {meaning}"
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

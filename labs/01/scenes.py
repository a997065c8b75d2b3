"""What lab 01 shows: the way of `docker run`, a jail, and how one gets out of it.

The transcripts come from real processes (acts.py) and real commands, in
directories that are made anew and removed; their paths are left out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from minicontainer.lib.elf import read_elf
from minicontainer.pictures.drawing import Picture, Sketch
from minicontainer.pictures.processes import namespaces
from minicontainer.pictures.way import way as way
from minicontainer.workshop.html import pre
from minicontainer.workshop.scenes import act, run, table
from minicontainer.workshop.widgets import Shown, redrawn

from .elf_files import make_elf
from .first_engine import careless_lines as careless_lines
from .first_engine import idea as idea
from .first_engine import idea_source as idea_source

_HEADS = {
    "jail": ["call", "the process's /", "it stands in"],
    "shared": ["the mounts of the copy are", "seen outside?"],
    "pivot": ["call", "mounted on /, lowest first"],
    "ordinary": ["", "who", "chroot"],
}


ACTS = Path(__file__).with_name("acts.py")


def played(name: str, rows: Iterable[int] | None = None) -> str:
    """An act as a table, or those of its `rows` that are named."""
    seen = act(ACTS, name)
    return table([_HEADS[name], *(seen if rows is None else (seen[row] for row in rows))])


def shell(command: str, status: bool = False) -> str:
    """A command and what it prints, run where jail/bin/sh is a shell without its libraries."""
    with tempfile.TemporaryDirectory() as directory:
        program = Path(directory, "jail/bin/sh")
        program.parent.mkdir(parents=True)
        program.write_bytes(Path("/bin/sh").read_bytes())
        program.chmod(0o755)
        printed, code = run(command, Path(directory))
    ended = f"$ echo $?\n{_status(code)}\n" if status else ""
    return f"$ {command}\n{printed}{ended}"


def _status(code: int) -> int:
    return code if code >= 0 else 128 - code


def statuses() -> str:
    """What a shell says about programs that ended in different ways."""
    commands = ("sh -c 'exit 7'", "sh -c 'kill -9 $$'", "no-such-program", "/etc/passwd")
    lines = []
    for command in commands:
        told, _ = run(f"exec 2>/dev/null; {command}; echo $?", Path())
        lines.append(f"$ {command}; echo $?\n{told}")
    return "".join(lines)


def two_processes() -> Picture:
    """fork, exec and wait: which process does what."""
    sketch = Sketch(ranksep=".55", nodesep=".25")
    before = sketch.node("process", ["your process", "run(argv)"])
    waiting = sketch.node("process", ["your process", "waitpid(pid)"])
    after = sketch.node("process", ["your process", "return status"])
    copy = sketch.node("config", ["the child: a copy", "of you, in your code"])
    program = sketch.node("layer", ["the child:", "the program"])
    failed = sketch.node("warning", ["exec failed: still a", "copy. It must end!"])
    sketch.edge(before, waiting, "fork: pid")
    sketch.edge(before, copy, "fork: 0")
    sketch.edge(copy, program, "exec")
    sketch.edge(copy, failed, "exec")
    sketch.edge(program, after, "ends")
    sketch.edge(failed, after, "_exit(127)")
    sketch.edge(waiting, after, "waits")
    return sketch.picture(
        "fork makes two processes of one. The parent waits; the child, a copy in the same code,"
        " becomes the program by exec, or, when exec fails, must end itself by _exit."
    )


def needs() -> Picture:
    """What a program needs: drawn from the ELF files of a small example."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        make_elf(place / "libssl.so", ["libc.so"])
        make_elf(place / "libc.so", ["ld.so"])
        make_elf(place / "curl", ["libssl.so", "libc.so"], "/lib/ld.so")
        elves = {name: read_elf(f"{place}/{name}") for name in ("curl", "libssl.so", "libc.so")}
    sketch = Sketch(ranksep="1.1", nodesep=".3")
    nodes = {name: sketch.node("layer" if "." in name else "manifest", [name]) for name in elves}
    nodes["ld.so"] = sketch.node("shared", ["/lib/ld.so", "the loader"])
    for name, elf in elves.items():
        for wanted in elf.needed:
            sketch.edge(nodes[name], nodes[wanted], "needed")
        if elf.interpreter:
            sketch.edge(nodes[name], nodes["ld.so"], "interpreter", color="#bc4c00")
    return sketch.picture(
        "The program curl names an interpreter, the loader /lib/ld.so, and needs libssl.so and"
        " libc.so; libssl.so needs libc.so too; libc.so needs ld.so, by its bare name."
    )


class BreakOut(Shown):
    """The break-out, a call at a time: where / is, and where the process stands."""

    def __init__(self) -> None:
        self.rows = act(ACTS, "jail")

    def widget(self) -> Any:
        """A slider through the calls."""
        import ipywidgets

        last = len(self.rows) - 1
        slider = ipywidgets.IntSlider(value=0, min=0, max=last, description="call")
        return redrawn(slider, self._tree)

    def html(self) -> str:
        """All calls as a table."""
        return pre(played("jail"))

    def _tree(self, number: int) -> str:
        call, root, cwd = self.rows[number]
        lines = [call, ""]
        for depth, path in enumerate(("/", "/home", "/home/jail", "/home/jail/door")):
            name = "   " * depth + (f"└─ {os.path.basename(path)}" if depth else "/")
            notes = [" ← its /"] * (path == root) + [" ← it stands here"] * (path == cwd)
            lines.append(f"{name:<20}{''.join(notes)}")
        return pre("\n".join(lines))


def break_out() -> BreakOut:
    """Step through the break-out."""
    return BreakOut()


_IN_NAMESPACES = """
import sys
from minicontainer import linux
from minicontainer.step01_chroot.jail import new_namespaces
new_namespaces(linux.CLONE_NEWUSER | linux.CLONE_NEWNS | linux.CLONE_NEWPID)
print("ready", flush=True)
sys.stdin.read()
"""


def side_by_side() -> Picture:
    """This process and one in new namespaces, side by side, as they are now."""
    command = [sys.executable, "-c", _IN_NAMESPACES]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin and other.stdout
        other.stdout.readline()
        children = Path(f"/proc/{other.pid}/task/{other.pid}/children").read_text().split()
        try:
            return namespaces(os.getpid(), int(children[0]))
        finally:
            other.stdin.close()


#: what differs by machine, or each time: counts of functions, system calls, files, times
_LEFT_OUT = re.compile(
    r"\d+ of|  lab (?!01)|   →|       |   · copy|   · \d+ paths|   ·   /|   took"
)


def demo() -> None:
    """Play `minicontainer --mine chroot-demo`; paths, times and the like are left out."""
    printed, status = run("minicontainer --mine chroot-demo", Path())
    print("$ minicontainer --mine chroot-demo")
    for line in printed.splitlines():
        if not _LEFT_OUT.match(line):
            line = re.sub(r"/\S*/minicontainer-\w+/", "", line)
            print(re.sub(r"(/ holds|/bin holds): .*", r"\1: …", line))
    if status:
        print(f"(exit status {status})")

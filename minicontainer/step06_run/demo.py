"""`minicontainer demo`: what happens when you type `docker run`, played act by act.

Each act is a command that anybody can type, run for real against the kit's own
registry and a store of its own, with `--explain`. Nothing stays behind.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import NamedTuple

from minicontainer.errors import MinicontainerError
from minicontainer.step03_image.directories import remove_tree

from .images import REGISTRY_VARIABLE, embedded_registry
from .rootless import become_root


class Act(NamedTuple):
    """One scene: its name, what to look for, and the commands that play it."""

    name: str
    about: str
    commands: tuple[str, ...]


ACTS = (
    Act(
        "chroot",
        "Before images: a root filesystem from this machine's files, and how one breaks out of it.",
        ("minicontainer chroot-demo",),
    ),
    Act(
        "names",
        "An image's name leads to a registry. It knows which tags there are.",
        ("minicontainer --explain tags workshop/web",),
    ),
    Act(
        "pull",
        "Name -> token -> manifest -> config and layers; every blob is verified before it is kept.",
        ("minicontainer --explain pull workshop/shell", "minicontainer images"),
    ),
    Act(
        "unpack",
        "Layers become a root filesystem: each adds files, replaces some, and hides others.",
        ("minicontainer --explain unpack workshop/shell rootfs", "ls rootfs"),
    ),
    Act(
        "run",
        "A process with namespaces and a root of its own: that is a container.",
        ("minicontainer --explain run --rm workshop/shell sh -c 'hostname; id; ps; ls /'",),
    ),
    Act(
        "after",
        "The process is gone, and so is all that was made for it.",
        ("minicontainer ps --all",),
    ),
)


def play(arguments: argparse.Namespace) -> int:
    """Play all acts, or those that were named; the status of the first command that failed."""
    acts = [act for act in ACTS if act.name in arguments.acts or not arguments.acts]
    unknown = set(arguments.acts) - {act.name for act in ACTS}
    if unknown:
        names = ", ".join(act.name for act in ACTS)
        raise MinicontainerError(f"no act {sorted(unknown)[0]!r}", "demo", f"There are: {names}")
    with stage() as (directory, environment):
        position = 0
        while position < len(acts):
            status = play_act(acts[position], position + 1, len(acts), directory, environment)
            if status:
                return status
            position = next_position(position, len(acts), arguments.auto)
    return 0


@contextlib.contextmanager
def stage() -> Iterator[tuple[str, dict[str, str]]]:
    """A directory with a store and a registry of its own, and the environment that names them."""
    directory = tempfile.mkdtemp(prefix="minicontainer-demo-")
    try:
        with embedded_registry() as address:
            places = {"XDG_DATA_HOME": directory, REGISTRY_VARIABLE: address}
            path = f"{os.path.dirname(sys.executable)}:{os.environ.get('PATH', '')}"
            yield directory, {**os.environ, **places, "PATH": path}
    finally:
        sweep_stage(directory)


def sweep_stage(directory: str) -> None:
    """Remove the directory; its files may belong to other users of a user namespace."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(MinicontainerError, OSError):
            become_root()
        remove_tree(directory)
        os._exit(0)
    os.waitpid(child, 0)


def play_act(act: Act, number: int, total: int, directory: str, environment: dict[str, str]) -> int:
    """Say what the act is about and run its commands; the status of one that failed, or 0."""
    remove_tree(os.path.join(directory, "rootfs"))
    heading(f"{number}/{total}  {act.name}", act.about)
    for command in act.commands:
        print(f"\n{bold('$ ' + command)}", flush=True)
        status = subprocess.run(shlex.split(command), cwd=directory, env=environment, check=False)
        if status.returncode:
            return status.returncode
    return 0


def next_position(position: int, total: int, auto: float | None) -> int:
    """Which act comes next: the person at the terminal says so, or the clock."""
    if auto is not None or not sys.stdin.isatty() or not sys.stdout.isatty():
        time.sleep(auto or 0)
        return position + 1
    last = position + 1 == total
    ahead = "ends" if last else "goes on"
    answer = input(f"\n[Enter {ahead}, r repeats, b goes back, q quits] ").strip().lower()
    steps = {"r": 0, "b": -1, "q": total}
    return max(0, position + steps.get(answer[:1], 1))


def heading(title: str, about: str) -> None:
    """A title that is seen from the last row."""
    line = "─" * 78
    print(f"\n{line}\n  {bold(title.upper())}\n  {about}\n{line}", flush=True)


def bold(text: str) -> str:
    """`text` in bold on a terminal, unless NO_COLOR asks for plain output."""
    plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ
    return text if plain else f"\x1b[1m{text}\x1b[0m"

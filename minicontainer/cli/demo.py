"""`minicontainer demo`: what happens when you type `docker run`, played act by act.

Each act is a command or a few that anybody can type, run for real against the
kit's own registry and a store of its own, with `--explain`. Ctrl-C ends an act,
not the demo. Nothing stays behind.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from minicontainer.errors import MinicontainerError
from minicontainer.lib.places import scratch_directory
from minicontainer.lib.removal import remove_tree
from minicontainer.registry.mirror import REGISTRY_VARIABLE, embedded_registry
from minicontainer.step02_runtime import lifecycle
from minicontainer.step06_run.monitor import start_monitor
from minicontainer.workshop import needs
from minicontainer.workshop.stage import sweep

from .narrate import typed_line


class Act(NamedTuple):
    """One scene: its name, the numbered step it is about, what to look for, and its commands.

    `ready` brings what earlier acts would have left, when this one is played first.
    """

    name: str
    step: int
    about: str
    commands: list[str]
    ready: str = "true"


def _read_acts() -> tuple[Act, ...]:
    text = Path(__file__).with_name("demo.toml").read_text("utf-8")
    if os.geteuid() != 0:  # an ordinary user's bundle needs a user namespace
        text = text.replace("minirunc spec ", "minirunc spec --rootless ")
    return tuple(Act(**act) for act in tomllib.loads(text)["act"])


ACTS = _read_acts()
#: how long a command that was interrupted may tidy up, and how often the monitor tries to
_PATIENCE = 10
#: after how long it looks whether a command that outlived us has added to the stage
_MOMENT = 0.5


def play(arguments: argparse.Namespace) -> int:
    """Play all acts, or those that were named; the status of the first command that failed."""
    acts = choose_acts(arguments.acts)
    needs.insist_on_programs()
    before = signal.signal(signal.SIGTERM, _end)
    try:
        with new_stage() as stage:
            try:
                return play_acts(acts, stage, arguments.auto)
            finally:
                stage.clear()
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def choose_acts(wanted: list[str]) -> list[Act]:
    """The acts with these names or of these steps (`4`, `04`), all if there are none."""
    names = [word.lstrip("0") or word for word in wanted]
    for word in names:
        if not any(word in (act.name, str(act.step)) for act in ACTS):
            hint = f"There are: {', '.join(act.name for act in ACTS)}; or a step, 1 to 6"
            raise MinicontainerError(f"no act {word!r}", "demo", hint)
    return [act for act in ACTS if not names or act.name in names or str(act.step) in names]


def play_acts(acts: list[Act], stage: Stage, auto: float | None) -> int:
    """Play `acts`, as the person at the terminal or the clock says; the first failure's status."""
    stage.run(acts[0].ready, quiet=True)
    position = 0
    while position < len(acts):
        try:
            status = play_act(acts[position], f"{position + 1}/{len(acts)}", stage)
        except KeyboardInterrupt:
            if not _somebody_watches(auto):
                raise
            status = 0
            print("\n   [stopped]", flush=True)
        if status:
            return status
        position = next_position(position, len(acts), auto)
    return 0


class Stage(NamedTuple):
    """A directory with a store and a registry of its own, and the environment that names them."""

    directory: str
    environment: dict[str, str]

    def run(self, command: str, quiet: bool = False) -> int:
        """Run `command` in a shell; its status. One that is interrupted may still tidy up."""
        output = subprocess.DEVNULL if quiet else None
        place: dict[str, Any] = {"cwd": self.directory, "env": self.environment}
        child = subprocess.Popen(["sh", "-c", command], **place, stdout=output, stderr=output)
        try:
            return child.wait()
        except (KeyboardInterrupt, SystemExit) as reason:
            if isinstance(reason, SystemExit):
                child.terminate()  # a Ctrl-C has reached it already: it is in the foreground
            with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
                child.wait(_PATIENCE)
            child.kill()
            child.wait()
            raise

    def clear(self) -> None:
        """Take away what an act that was left half-way may have built, so it can be repeated."""
        if os.path.exists(os.path.join(self.directory, "state", "web")):
            self.run("minirunc --root state delete --force web", quiet=True)
        for left in ("rootfs", "bundle"):
            remove_tree(os.path.join(self.directory, left))


@contextlib.contextmanager
def new_stage() -> Iterator[Stage]:
    """A stage for as long as it is played on; nothing of it is left."""
    directory = scratch_directory("mc-")  # short: it is seen in many lines
    monitor = start_monitor(lambda: clear_stage(directory))  # before the registry's threads begin
    try:
        with embedded_registry() as address:
            places = {"XDG_DATA_HOME": directory, REGISTRY_VARIABLE: address}
            path = f"{os.path.dirname(sys.executable)}:{os.environ.get('PATH', '')}"
            told = {"MINICONTAINER_EXPLAIN": "brief"}
            yield Stage(directory, {**os.environ, **places, **told, "PATH": path})
    finally:
        sweep(directory)
        monitor.dismiss()


def clear_stage(directory: str) -> None:
    """After a SIGKILL: end what the runtime act has created, and remove the directory.

    A command of that act that was not killed with us may add to it for a moment.
    """
    for _ in range(_PATIENCE):
        if not os.path.exists(directory):
            return
        with contextlib.suppress(MinicontainerError, OSError):
            lifecycle.delete(os.path.join(directory, "state"), "web", force=True)
        sweep(directory)
        time.sleep(_MOMENT)


def play_act(act: Act, number: str, stage: Stage) -> int:
    """Say what the act is about and run its commands; the status of one that failed, or 0."""
    stage.clear()
    heading(f"{number}  {act.name}", act.about)
    for command in act.commands:
        print(f"\n{bold('$ ' + command)}", flush=True)
        if status := stage.run(command):
            return status
    return 0


def next_position(position: int, total: int, auto: float | None) -> int:
    """Which act comes next: the person at the terminal says so, or the clock."""
    if not _somebody_watches(auto):
        time.sleep(auto or 0)
        return position + 1
    last = position + 1 == total
    ahead = "ends" if last else "goes on"
    print(f"\n[Enter {ahead}, r repeats, b goes back, q quits] ", end="", flush=True)
    answer = (typed_line(sys.stdin) or "q").strip().lower()
    steps = {"r": 0, "b": -1, "q": total}
    return max(0, position + steps.get(answer[:1], 1))


def _somebody_watches(auto: float | None) -> bool:
    return auto is None and sys.stdin.isatty() and sys.stdout.isatty()


def heading(title: str, about: str) -> None:
    """A title that is seen from the last row."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        print("\x1b[2J\x1b[H", end="")
    line = "─" * 78
    print(f"\n{line}\n  {bold(title.upper())}\n  {about}\n{line}", flush=True)


def bold(text: str) -> str:
    """`text` in bold on a terminal, unless NO_COLOR asks for plain output."""
    plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ
    return text if plain else f"\x1b[1m{text}\x1b[0m"

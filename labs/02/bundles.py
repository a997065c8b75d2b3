"""Small bundles and containers for the checks and the page of lab 02.

A bundle holds one static program, so nothing needs to be mounted. A container
can also be laid out by hand: its directory as `create` leaves it, and a
process in init's place. Nothing here calls an exercise.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minicontainer.workshop.grading import isolation

#: what the program of a bundle writes when it runs; then it waits for a byte and ends
SAID = "the program runs\n"
STATUS = 7
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "riscv64": "riscv64", "armv7l": "arm/v7"}


def program() -> bytes:
    """A static program for this machine: it writes SAID, reads a byte, exits with STATUS."""
    from minicontainer.registry.machine_code import MACHINES
    from minicontainer.registry.tiny_elf import At, Call, link

    name = _ARCHITECTURES[os.uname().machine]
    machine = next(machine for machine in MACHINES if machine.name == name)
    text = SAID.encode()
    steps = [
        Call("write", (1, At("text"), len(text))),
        Call("read", (0, At("room"), 1)),
        Call("exit", (STATUS,)),
    ]
    return link(machine, steps, {"text": text}, {"room": 8})


def config(**changes: Any) -> dict[str, Any]:
    """A configuration that runs /program in namespaces of its own, with nothing mounted."""
    kinds = ("pid", "network", "ipc", "uts", "mount")
    return {
        "ociVersion": "1.2.0",
        "process": {"args": ["/program"], "cwd": "/", "user": {"uid": 0, "gid": 0}},
        "root": {"path": "rootfs"},
        "linux": {"namespaces": [{"type": kind} for kind in kinds]},
        **changes,
    }


def bundle(directory: Path, **changes: Any) -> Path:
    """Make a bundle in `directory`: config.json with `changes`, and rootfs with the program."""
    root = directory / "rootfs"
    root.mkdir(parents=True)
    (root / "program").write_bytes(program())
    (root / "program").chmod(0o755)
    (directory / "config.json").write_text(json.dumps(config(**changes)))
    return directory


def sleeper(fork: Callable[[], int] = isolation.fork) -> int:
    """A child that sleeps until a signal ends it, or this process ends; its pid."""
    pid = fork()
    if pid == 0:
        try:
            from minicontainer import linux

            linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            while True:
                signal.pause()
        finally:
            os._exit(99)
    return pid


def lay_out(root: Path, id: str, init: dict | None, fifo: bool = False, **more: Any) -> Path:
    """A container's directory as `create` leaves it; `more` goes into its record."""
    directory = root / id
    directory.mkdir(parents=True)
    record = {
        "ociVersion": "1.2.0",
        "id": id,
        "bundle": "/bundles/demo",
        "created": "2026-01-01T00:00:00.000000000Z",
        "owner": "learner",
        "creator": identity(os.getpid()),
        "init": init,
        "cgroup": {"version": 1, "paths": {}},
        "config": config(),
        **more,
    }
    (directory / "state.json").write_text(json.dumps(record))
    if fifo:
        os.mkfifo(directory / "exec.fifo")
    return directory


def ends(pid: int) -> int:
    """Wait for the child `pid`; its exit status, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def identity(pid: int) -> dict[str, int]:
    """A process as a record notes it: its number and its start."""
    return {"pid": pid, "start": int(_stat(pid)[19])}


def lives(pid: int) -> bool:
    """Whether the process `pid` runs (a zombie has ended)."""
    try:
        return _stat(pid)[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on."""
    return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()

"""`minirunc run`: create and start, and unless it is detached stay to the end.

Source: runc(8) and runc-run(8).
"""

from __future__ import annotations

import os

from minicontainer.errors import ContainerError
from minicontainer.step02_runtime import lifecycle
from minicontainer.step02_runtime.bundle import load_bundle
from minicontainer.step02_runtime.state import identity, load
from minicontainer.step06_run.lifetime import run_bundle
from minicontainer.step06_run.monitor import start_monitor


def run_detached(root: str, id: str, bundle: str, options: dict) -> int:
    """create and start; when one of them fails, nothing is left. 0."""
    lifecycle.create(root, id, bundle, **options)
    try:
        lifecycle.start(root, id)
    except BaseException:
        lifecycle.delete(root, id, force=True)
        raise
    return 0


def run_in_foreground(root: str, id: str, bundle: str, options: dict) -> int:
    """The whole life of a container; the exit status of its program.

    The container dies with us, and is removed, however we end. Raises ContainerError.
    """
    terminal = load_bundle(bundle)["process"].get("terminal", False)
    us = identity(os.getpid())

    def clean() -> None:
        try:
            made_by_us = load(root, id)["creator"] == us  # the id may be somebody else's
        except ContainerError:
            return  # gone: run_bundle has deleted it
        if made_by_us:
            lifecycle.delete(root, id, force=True)

    monitor = start_monitor(clean)  # for kill -9
    try:
        return run_bundle(root, id, bundle, terminal, **options)
    finally:
        monitor.dismiss()

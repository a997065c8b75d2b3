"""A stage for commands: a directory that goes away, and the kit's registry beside it.

In: the images that the registry has. Out: a `Stage`, where the slides' demos and
the labs' pages run real commands. They know nothing of whoever runs them: logins
and store are the stage's own.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from minicontainer.errors import MinicontainerError
from minicontainer.lib.places import scratch_directory
from minicontainer.lib.processes import in_child
from minicontainer.lib.removal import remove_tree
from minicontainer.registry.mirror import REGISTRY_VARIABLE
from minicontainer.registry.server import running_registry
from minicontainer.registry.token_service import Settings
from minicontainer.step03_image.layout import Layout
from minicontainer.step06_run.engine import enter_mount_namespace
from minicontainer.workshop.labs.lab import ANSWERS_VARIABLE

from .scenes import run

#: what a command on a stage keeps of the environment around it: whose answers, which package
_KEPT = (ANSWERS_VARIABLE, "PYTHONPATH")


class Stage:
    """The registry's address `host`, the directory, and the environment that names them."""

    def __init__(self, host: str, directory: Path) -> None:
        self.host, self.directory = host, directory
        programs = [os.path.dirname(sys.executable), os.environ.get("PATH", ""), "/usr/sbin:/sbin"]
        self.environment = {
            "PATH": ":".join(programs),
            "HOME": str(directory),
            "XDG_DATA_HOME": f"{directory}/data",
            "XDG_RUNTIME_DIR": f"{directory}/run",
            REGISTRY_VARIABLE: host,
            "NO_COLOR": "1",
            "TERM": "dumb",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
        }
        self.environment |= {name: os.environ[name] for name in _KEPT if name in os.environ}

    def run(self, command: str) -> tuple[str, int]:
        """What a shell command prints, and its status; HOST stands for the registry's address."""
        printed, status = run(command.replace("HOST", self.host), Path(), self.environment)
        return self.shown(printed), status

    def shown(self, text: str) -> str:
        """A text without what differs every time: the address and the directory."""
        return text.replace(self.host, "HOST").replace(str(self.directory), "…")


@contextlib.contextmanager
def stage(images: Layout, settings: Settings | None = None) -> Iterator[Stage]:
    """A stage whose registry has `images`; at the end nothing of it is left."""
    directory = scratch_directory("demo-")
    os.mkdir(f"{directory}/run", 0o700)
    try:
        with running_registry(images, settings) as host:
            yield Stage(host, Path(directory))
    finally:
        sweep(directory)


def sweep(directory: str) -> None:
    """Remove a directory; files in it may belong to other users of a user namespace."""

    def remove() -> None:
        with contextlib.suppress(MinicontainerError, OSError):
            enter_mount_namespace()
        remove_tree(directory)

    in_child(remove)

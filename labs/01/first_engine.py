"""What lab 01 shows of chapter 0, minicontainer/idea.py: the engine that is careless on purpose."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from minicontainer import idea as chapter_0
from minicontainer.errors import MinicontainerError
from minicontainer.registry.mirror import REGISTRY_VARIABLE, embedded_images
from minicontainer.registry.server import running_registry


def idea_source(function: str) -> str:
    """A function of chapter 0, as it stands in the file."""
    return inspect.getsource(getattr(chapter_0, function))


def careless_lines() -> str:
    """How many of its careless lines each step mends."""
    steps = re.findall(r"# careless: .* step (\d\d) mends it", inspect.getsource(chapter_0))
    counted = sorted(Counter(steps).items())
    return "\n".join(["mended in   careless lines", *(f"lab {s}      {n:2}" for s, n in counted)])


def idea(command: str) -> str:
    """A shell command, and what it prints where the kit's registry runs and a diary lies.

    `idea` in it is short for `python -m minicontainer.idea`. Paths are left out.
    Raises MinicontainerError when it fails.
    """
    command = re.sub(r"\bidea\b", "python -m minicontainer.idea", command)
    with (
        tempfile.TemporaryDirectory() as place,
        tempfile.TemporaryDirectory() as left,
        running_registry(embedded_images()) as address,
    ):
        Path(place, "diary.txt").write_text("Dear diary, today I ran somebody's image.\n")
        path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
        about = {REGISTRY_VARIABLE: address, "TMPDIR": left, "PATH": path, "LC_ALL": "C"}
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=place,
            env={**os.environ, **about},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    if done.returncode:
        raise MinicontainerError(done.stdout.strip(), command)
    return f"$ {command}\n" + re.sub(r"into /\S+/idea-\w+", "into /tmp/idea-…", done.stdout)

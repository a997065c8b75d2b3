"""What lab 01 shows of chapter 0, minicontainer/idea.py: the engine that is careless on purpose."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import minicontainer
from minicontainer.errors import MinicontainerError
from minicontainer.registry.mirror import REGISTRY_VARIABLE, embedded_images
from minicontainer.registry.server import running_registry

SOURCE = Path(minicontainer.__file__).with_name("idea.py").read_text("utf-8")


def idea_source(function: str) -> str:
    """A function of chapter 0, as it stands in the file."""
    found = (node for node in ast.parse(SOURCE).body if getattr(node, "name", "") == function)
    return ast.get_source_segment(SOURCE, next(found)) or ""


def careless_lines() -> str:
    """How many of its careless lines each step mends."""
    steps = re.findall(r"# careless: .* step (\d\d) mends it", SOURCE)
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
        about["no_proxy"] = "127.0.0.1"
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

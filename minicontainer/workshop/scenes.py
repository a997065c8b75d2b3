"""What the labs show: pictures and transcripts, made by the package's own code.

Each lab has a module labs/NN/scenes.py. Its names are what the expressions of
`{picture}` and `{transcript}` lines see, and a notebook knows it as `scenes`:
`from minicontainer.workshop.scenes import lab03 as scenes`.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from minicontainer.errors import MinicontainerError
from minicontainer.lib.tables import columns
from minicontainer.workshop.labs.lab import find_root

#: characters in a line of a block, so that it is not wrapped beside the list of files
WIDTH = 76
_WORD = re.compile(r"""(?:"[^"]*"|'[^']*'|\S)+""")


def __getattr__(name: str) -> ModuleType:
    """`lab03` is the module labs/03/scenes.py of the checkout that we are in."""
    if re.fullmatch(r"lab\d\d", name):
        return load_scenes(find_root() / "labs" / name[-2:])
    raise AttributeError(name)


def load_scenes(directory: Path) -> ModuleType:
    """The module scenes.py of a lab, which may import what lies beside it."""
    name = f"lab{directory.name}"
    path = directory / "scenes.py"
    if name in sys.modules and sys.modules[name].__file__ == str(path):
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(
        name, path, submodule_search_locations=[str(directory)]
    )
    if spec is None or spec.loader is None or not path.exists():
        raise MinicontainerError("nothing to show: there is no scenes.py", str(directory))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(
    command: str, directory: Path, environment: Mapping[str, str] | None = None
) -> tuple[str, int]:
    """What a shell command prints when run in `directory`, errors among it, and its status.

    Without an `environment` it has ours, and `minicontainer` and `minirunc` are those of this
    Python.
    """
    path = f"{os.path.dirname(sys.executable)}:{os.environ.get('PATH', '')}"
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=directory,
        env=environment or {**os.environ, "PATH": path, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    return done.stdout, done.returncode


def transcript(command: str, directory: Path) -> str:
    """A shell command and what it prints when run in `directory`, as a terminal shows it.

    Raises MinicontainerError when it fails: a page must not show that by accident.
    """
    printed, status = run(command, directory)
    if status:
        raise MinicontainerError(printed.strip(), command)
    return f"{folded(f'$ {command}')}\n{printed}"


@functools.cache
def act(program: Path, name: str) -> list[list[str]]:
    """What was seen in an act of a lab's acts.py. Raises MinicontainerError where it failed."""
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, str(program), name, directory]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MinicontainerError(done.stderr.strip().splitlines()[-1], f"the act {name}")
    return json.loads(done.stdout)


def table(rows: list[list[str]]) -> str:
    """Rows as a table, the first one above a line."""
    line = ["─" * max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(columns([rows[0], line, *rows[1:]]))


def without_other_labs(lab: str, printed: str) -> str:
    """What a command printed with `--mine`; of whose each function is, only this lab's part."""
    yours = "" if f"\n  lab {lab}  " in printed else f"  lab {lab}  (no function is yours yet)\n"
    printed = re.sub(r"^\d+ of \d+ functions are yours\n", yours, printed, flags=re.MULTILINE)
    return re.sub(rf"^  lab (?!{lab})\d\d  .*\n", "", printed, flags=re.MULTILINE)


def folded(command: str) -> str:
    """A shell command in lines that fit the page; where one goes on, it ends with a backslash."""
    lines = [""]
    for word in _WORD.findall(command):
        if lines[-1] and len(lines[-1]) + len(word) > WIDTH - 3:
            lines.append("   ")
        lines[-1] += f" {word}" if lines[-1] else word
    return " \\\n".join(lines)

"""Make the project's commands and package usable in the environment that runs this.

    .venv/bin/python setup/link_project.py PROJECT_DIRECTORY

An editable install would need a build backend, fetched or locked; all that it
does for a package without compiled parts is this: one path file, one small
script a command. The commands' first line is absolute, because container
engines call a runtime without any PATH.
"""

from __future__ import annotations

import compileall
import os
import shlex
import shutil
import sys
import sysconfig
import tomllib
from pathlib import Path

SCRIPT = """\
{shebang}
import sys

from {module} import {function}

sys.exit({function}())
"""


def link(project: Path) -> None:
    """Link `project` into the running interpreter's environment."""
    site_packages = Path(sysconfig.get_path("purelib"))
    (site_packages / "minicontainer.pth").write_text(f"{project}\n", encoding="utf-8")
    settings = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    for command, target in settings["project"]["scripts"].items():
        write_script(Path(sysconfig.get_path("scripts")) / command, target)
    for name, place in (("overrides", "lab/settings"), ("kernel", "kernels/python3")):
        directory = Path(sys.prefix, "share/jupyter", place)
        directory.mkdir(parents=True, exist_ok=True)
        shutil.copy(project / f"setup/{name}.json", directory)
    compileall.compile_dir(project / "minicontainer", quiet=2, workers=0)


def write_script(path: Path, target: str) -> None:
    """Write the executable `path` that calls `target`, "module:function"."""
    module, function = target.split(":")
    path.write_text(
        SCRIPT.format(shebang=shebang(sys.executable), module=module, function=function),
        encoding="utf-8",
    )
    path.chmod(0o755)


def shebang(interpreter: str) -> str:
    """The first line(s) that make the kernel run a script by `interpreter`.

    The kernel takes no blanks and only so many bytes; then a line that is both
    shell and Python hands over. Source: execve(2), "Interpreter scripts".
    """
    if " " not in interpreter and len(os.fsencode(interpreter)) < 125:
        return f"#!{interpreter}"
    return f"#!/bin/sh\n'''exec' {shlex.quote(interpreter)} \"$0\" \"$@\"\n' '''"


if __name__ == "__main__":
    link(Path(sys.argv[1]))

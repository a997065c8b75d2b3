"""What the labs show: pictures and transcripts, made by the package's own code.

One module a lab (lab03.py for labs/03). Its names are what the expressions of
`{picture}` and `{transcript}` lines see, and a notebook knows it as `scenes`.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from minicontainer.errors import MinicontainerError


def transcript(command: str, directory: Path) -> str:
    """A shell command and what it prints when run in `directory`, as a terminal shows it.

    Raises MinicontainerError when it fails: a page must not show that by accident.
    """
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=directory,
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise MinicontainerError(done.stderr.strip(), command)
    return f"$ {command}\n{done.stdout}"

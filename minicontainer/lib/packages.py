"""How does one bring in a package that is missing, here and not elsewhere?"""

from __future__ import annotations

import importlib.util
import shutil
import sys


def how_to_install(*packages: str) -> str:
    """The command that installs `packages` for this Python: in a venv, of pipx or uv as well.

    What uv or ./workshop made has no pip: uv installs there, or the pip of another Python.
    """
    command = f"python3 -m pip --python {sys.executable} install"
    if importlib.util.find_spec("pip"):
        command = f"{sys.executable} -m pip install"
    elif shutil.which("uv"):
        command = f"uv pip install --python {sys.executable}"
    return f"{command} {' '.join(packages)}"

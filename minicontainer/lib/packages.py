"""How does one bring in a package that is missing, here and not elsewhere?"""

from __future__ import annotations

import sys


def how_to_install(*packages: str) -> str:
    """The command that installs `packages` for this Python: in a venv, of pipx or uv as well."""
    return f"{sys.executable} -m pip install {' '.join(packages)}"

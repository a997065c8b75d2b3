"""What does the kit need of a machine? The one list: doctor, demo and tests read it.

Standard library only, since the doctor must work before anything is installed.
"""

from __future__ import annotations

import shutil

from minicontainer.errors import MinicontainerError

#: the oldest and the newest Python that the packages are made for
PYTHONS = ((3, 11), (3, 14))
#: bytes on disk, for the packages and some images; and of memory, for JupyterLab and a grader
ROOM, MEMORY = 1 << 30, 512 << 20
#: what the demo and the labs call, here or in workshop/shell, whose programs are this machine's
PROGRAMS = ["sh", "base64", "cat", "grep", "head", "id", "ls", "mkdir", "sed", "sleep", "uname"]
_COMPARED = ("podman", "skopeo", "umoci", "runc", "curl")
#: what is used where it is there -> what is without it, and the package that brings it
HELPFUL = {
    "dot": ("the first picture takes a second longer", "graphviz"),
    **{name: ("only for comparing", f"{name} if you like") for name in _COMPARED},
}


def missing_programs() -> list[str]:
    """Those of PROGRAMS that this machine does not have."""
    return [program for program in PROGRAMS if shutil.which(program) is None]


def insist_on_programs() -> None:
    """Raise MinicontainerError for PROGRAMS that are missing: before a start, not half-way."""
    if missing := missing_programs():
        hint = "install them: the packages coreutils, grep and sed have all"
        raise MinicontainerError("not installed", ", ".join(missing), hint)

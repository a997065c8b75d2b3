"""What if a process starts with standard input, output or error closed (`command >&-`)?

Then the next files that it opens get the numbers 0, 1 and 2, and what is meant
for a person goes into a pipe or a lock of ours. So /dev/null takes their places first.
Source: close(2), stdin(3); POSIX, "Application Usage" of exec.
"""

from __future__ import annotations

import os
import sys


def open_standard_files() -> None:
    """Open /dev/null for each of 0, 1 and 2 that is closed. Call it before opening anything."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            # it gets the lowest free number, which is fd; and programs inherit it
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # what Python makes of a closed file
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - for this process's life

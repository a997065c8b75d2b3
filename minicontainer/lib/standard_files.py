"""What if a process starts with standard input, output or error closed (`command >&-`)?

Then the next files that it opens get the numbers 0, 1 and 2, and what is meant
for a person goes into a pipe or a lock of ours. So /dev/null takes their places first.
And what if a locale's encoding lacks a character that is to be printed? It gets another.
Source: close(2), stdin(3); POSIX, "Application Usage" of exec.
"""

from __future__ import annotations

import codecs
import os
import sys

#: the name of what print_plainly does, as `errors` of a file
PLAIN = "minicontainer.plain"
_PLAIN = {"✓": "ok", "✗": "NO", "○": "--", "─": "-", "→": ">", "←": "<", "·": "-", "…": "...",
          "“": '"', "”": '"', "—": "-", "━": "="}  # fmt: skip


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
    print_plainly()


def drop_output() -> None:
    """Nobody takes what is still to be printed: let Python's last flush succeed."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def print_plainly() -> None:
    """Let what the locale's encoding lacks (✓ in latin-1) be printed as something like it."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=PLAIN)


def _plain(problem: UnicodeError) -> tuple[str, int]:
    assert isinstance(problem, UnicodeEncodeError)
    text = problem.object[problem.start : problem.end]
    return "".join(_PLAIN.get(character, "?") for character in text), problem.end


codecs.register_error(PLAIN, _plain)

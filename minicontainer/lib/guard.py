"""Who cleans up after a process that is killed with SIGKILL? Another one that outlives it.

The guard is a small process that waits on a pipe. When we end properly we
tell it so; when the pipe just closes, we have died, and it cleans up.
Source: pipe(7), read of an empty pipe whose writers are gone.
"""

from __future__ import annotations

import os


class Guard:
    """Calls `clean_up()` if this process dies before `release`. For a process with one thread."""

    def __init__(self, clean_up) -> None:
        reading, self.writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.writing)
            watch(reading, clean_up)
        os.close(reading)

    def release(self) -> None:
        """All is well: the guard ends without doing anything."""
        os.write(self.writing, b".")
        os.close(self.writing)
        os.waitpid(self.pid, 0)


def watch(reading: int, clean_up) -> None:
    """The guard's life: in a session of its own, where no Ctrl-C reaches it; never returns."""
    try:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(nowhere, fd)
        if os.read(reading, 1) == b"":
            clean_up()
    finally:
        os._exit(0)

"""The process that cleans up after a container, however its command ends: the monitor.

It waits on a pipe whose other end only the command holds: the end of the file
says that the command is gone, by return or by kill -9. It was forked inside the
command's namespaces, so it can remove what only their root may remove.
"""

from __future__ import annotations

import _signal as signal  # the C half of signal: minirunc starts monitors too, and must be quick
import os

from minicontainer import linux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Monitor:
    """The process, the pipe that keeps it waiting, and what it does at the end."""

    def __init__(self, pid: int, lifeline: int, clean: Callable[[], object]) -> None:
        self.pid, self.lifeline, self.clean = pid, lifeline, clean

    def dismiss(self) -> None:
        """The command is done: let the monitor clean up, or do it here if it was killed."""
        os.close(self.lifeline)
        _, status = os.waitpid(self.pid, 0)
        if status != 0:
            self.clean()


#: what ends a command from outside, and passes the monitor by
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def start_monitor(clean: Callable[[], object]) -> Monitor:
    """Fork the process that calls `clean` when this one dismisses it, or is gone.

    It waits on a pipe, from which nothing is ever read but the end: that comes when
    no process has the writing end, `lifeline`, any more. It is in a session of its
    own, so that no Ctrl-C reaches it, and ignores the signals ENDING. It ends with
    status 0, or 1 if `clean` raised. `clean` may be called twice.

    Returns Monitor(pid, lifeline, clean); never returns in the monitor.
    Source: pipe(7), "I/O on pipes and FIFOs"; setsid(2).
    """
    waiting, lifeline = os.pipe()
    pid = linux.fork()
    if pid:
        os.close(waiting)
        return Monitor(pid, lifeline, clean)
    status = 1
    try:
        os.setsid()
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
        os.close(lifeline)
        os.read(waiting, 1)
        clean()
        status = 0
    finally:
        os._exit(status)

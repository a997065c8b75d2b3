"""How does a process in a container feel like one of our own?

Signals that we get go on to it, its terminal is joined with ours, and we end
with its exit status. One loop waits for all of it.
Spec: runc(8), `run`; signal(7), pidfd_open(2), termios(3).
"""

from __future__ import annotations

import _signal
import os
import select

from .processes import send_signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_FORWARDED = (
    _signal.SIGHUP, _signal.SIGINT, _signal.SIGQUIT, _signal.SIGTERM,
    _signal.SIGUSR1, _signal.SIGUSR2, _signal.SIGALRM, _signal.SIGCONT,
)  # fmt: skip
_END_OF_INPUT = b"\x04"  # what Ctrl-D types
_ENOUGH = 65536


class Foreground:
    """Signals and terminal of this process, lent to one process in a container.

    Use: with Foreground(terminal) as f: pid = create(…, console_socket=f.console);
    start(…); status = f.stay(pid). Signals that arrive before `stay` are kept
    for it. Leaving the block gives everything back.

    With `terminal`, ours is lent if the process wants one.
    """

    def __init__(self, terminal: bool = False) -> None:
        self.terminal = terminal
        #: the socket for `create` and `exec_process` to send the terminal to, or None
        self.console: int | None = None
        self._ours = -1
        self._before: list[tuple[int, object]] = []
        self._typed = b""

    def __enter__(self) -> Foreground:
        self._woken, self._wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        if self.terminal:
            self._ours, self.console = _socket_pair()
        self._wake_before = _signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        numbers = (*_FORWARDED, _signal.SIGWINCH) if self.terminal else _FORWARDED
        self._before = [(n, _signal.signal(n, lambda *_: None)) for n in numbers]
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before:
            _signal.signal(number, handler)
        _signal.set_wakeup_fd(self._wake_before)
        os.close(self._woken)
        os.close(self._wake)
        if self.console is not None:
            os.close(self._ours)
            os.close(self.console)

    def stay(self, pid: int) -> int:
        """Serve the process `pid`, a child of ours, until it ends; its status, 128 + signal.

        If it has sent its terminal, ours is raw meanwhile and is always restored.
        """
        if not self.terminal or not select.select([self._ours], (), (), 0)[0]:
            self._serve(pid, {self._woken: lambda: self._pass_signals(pid)})
        else:
            self._lend_terminal(pid)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return status if status >= 0 else 128 - status

    def _lend_terminal(self, pid: int) -> None:
        from . import terminal

        master = terminal.receive_master(self._ours)
        os.set_blocking(master, False)
        terminal.copy_size(0, master)
        settings = terminal.make_raw(0)
        handlers = {
            self._woken: lambda: self._pass_signals(pid, master),
            0: self._read_keys,
            master: lambda: _show_output(master),
        }
        try:
            self._serve(pid, handlers, (master,))
            while _show_output(master, last=True):
                pass
        finally:
            terminal.restore(0, settings)
            os.close(master)

    def _serve(
        self, pid: int, handlers: dict[int, Callable[[], bool]], typed_to: tuple[int, ...] = ()
    ) -> None:
        """Whenever a file has news, call its handler, until `pid` has ended.

        A handler says whether more can come. `typed_to` gets what was typed when it takes it.
        """
        ended = os.pidfd_open(pid)
        handlers[ended] = lambda: False
        while ended in handlers:
            hungry = [fd for fd in handlers if fd != 0 or len(self._typed) < _ENOUGH]
            ready, writable, _ = select.select(hungry, typed_to if self._typed else (), ())
            for fd in writable:
                self._typed = self._typed[_write_some(fd, self._typed) :]
            for fd in ready:
                if not handlers[fd]():
                    del handlers[fd]
        os.close(ended)

    def _pass_signals(self, pid: int, master: int | None = None) -> bool:
        for number in os.read(self._woken, 512):
            if number == _signal.SIGWINCH and master is not None:
                from . import terminal

                terminal.copy_size(0, master)
            elif number in _FORWARDED:
                send_signal(pid, number)
        return True

    def _read_keys(self) -> bool:
        """Take what was typed; False at the end of the input."""
        keys = os.read(0, 4096)
        self._typed += keys or _END_OF_INPUT
        return bool(keys)


def _socket_pair() -> tuple[int, int]:
    import _socket  # the C half of socket: a tenth of its import time

    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    return ours.detach(), theirs.detach()


def _write_some(master: int, keys: bytes) -> int:
    try:
        return os.write(master, keys)
    except BlockingIOError:
        return 0
    except OSError:
        return len(keys)  # nobody reads there any more


def _show_output(master: int, last: bool = False) -> bool:
    """Show what the container wrote; False when nothing more will come."""
    try:
        text = os.read(master, 65536)
    except BlockingIOError:
        return not last
    except OSError:
        return False  # EIO: every slave is closed
    while text:
        text = text[os.write(1, text) :]
    return True

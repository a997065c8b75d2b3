"""Which processes are there, how does one reach one, and run one to its end?

Source: proc(5), kill(2), pidfd_open(2), wait(2).
"""

from __future__ import annotations

import _signal
import os
import select

from minicontainer import explain, linux
from minicontainer.errors import ContainerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def all_pids() -> list[int]:
    """The processes that this one sees, itself among them."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def status_of(pid: int | str) -> dict[str, str]:
    """The fields of /proc/PID/status. Raises OSError when the process has ended."""
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        return {name: value.strip() for name, _, value in (line.partition(":") for line in file)}


def namespace_of(pid: int | str, kind: str) -> str:
    """The number of the namespace that `pid` is in; "" when it can't be seen. See namespaces(7)."""
    try:
        return os.readlink(f"/proc/{pid}/ns/{kind}").partition("[")[2].rstrip("]")
    except OSError:
        return ""


def in_pid_namespace_of(pid: int) -> list[int]:
    """The processes in the pid namespace of `pid`; only itself when that is our own as well."""
    wanted = namespace_of(pid, "pid")
    if wanted in ("", namespace_of("self", "pid")):
        return [pid]
    return [number for number in all_pids() if namespace_of(number, "pid") == wanted]


def signal_number(signal: str | int) -> int:
    """The number of a signal given as 15, "15", "TERM" or "SIGTERM". Raises ContainerError."""
    text = str(signal).upper()
    if text.isdigit():
        number = int(text)
    else:
        number = getattr(_signal, text if text.startswith("SIG") else f"SIG{text}", 0)
    if not isinstance(number, int) or not 0 < number < _signal.NSIG:
        raise ContainerError(f"unknown signal {signal!r}", "", "names as in `kill -l`, or a number")
    return number


def send_signal(pid: int, number: int) -> None:
    """kill(2); a process that has just ended needs no signal any more."""
    explain.emit("syscall", f"kill({pid}, {number})")
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def end_child(pid: int) -> None:
    """Kill our child `pid` and wait for it, or it stays as a zombie."""
    try:
        os.kill(pid, _signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        pass  # it is gone, and this process does not want to know of its children


def in_child(act: Callable[[], int | None]) -> int:
    """Call `act` in a child process; the status that it returns, 1 if it raises, 128 + a signal.

    For what changes its process. A caller that is interrupted leaves no child.
    """
    child = linux.fork()
    if child == 0:
        status = 1
        try:
            status = act() or 0
        finally:
            os._exit(status)
    try:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except BaseException:
        end_child(child)
        raise
    return code if code >= 0 else 128 - code


def run_program(
    path: str, args: list[str], env: dict[str, str], stdin: bytes, timeout: float | None
) -> int | None:
    """Run a program to its end; its status, minus the signal that ended it, None for a timeout.

    It reads `stdin`; what it prints goes where our errors go. 127: it could not be started.
    """
    reading, writing = os.pipe()
    child = linux.fork()
    if child == 0:
        try:
            os.dup2(reading, 0)
            os.dup2(2, 1)
            os.execve(path, args, env)
        finally:
            os._exit(127)
    os.close(reading)
    _feed(writing, stdin)
    finished = _wait(child, timeout)
    if not finished:
        os.kill(child, _signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return status if finished else None


def _feed(fd: int, text: bytes) -> None:
    """Write `text` and close; a program that does not read it is no failure."""
    try:
        while text:
            text = text[os.write(fd, text) :]
    except BrokenPipeError:
        pass
    finally:
        os.close(fd)


def _wait(pid: int, timeout: float | None) -> bool:
    """Wait until `pid` has ended; False after `timeout` seconds."""
    if timeout is None:
        return True
    pidfd = os.pidfd_open(pid)
    try:
        ready, _, _ = select.select([pidfd], [], [], timeout)
        return bool(ready)
    finally:
        os.close(pidfd)

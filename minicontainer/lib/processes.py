"""Which process is it, does it still run, and how does one reach it?

A pid is used again when its process has ended: the start in clock ticks tells
two of them apart. A zombie has ended, though it still has its pid.
Source: proc_pid_stat(5), kill(2), pidfd_open(2).
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


def process_identity(pid: int) -> dict:
    """What tells this process from a later one of the same number: its start in clock ticks."""
    return {"pid": pid, "start": start_time(pid)}


def is_alive(process: dict) -> bool:
    """Whether the process that `process_identity` described still runs."""
    return process["start"] is not None and start_time(process["pid"]) == process["start"]


def start_time(pid: int) -> int | None:
    """When process `pid` began, in clock ticks since boot; None when it has ended.

    Source: proc_pid_stat(5), fields 3 (state) and 22 (starttime).
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # the name in parentheses may hold spaces and parentheses itself
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


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
        send_signal(child, _signal.SIGKILL)
        os.waitpid(child, 0)
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

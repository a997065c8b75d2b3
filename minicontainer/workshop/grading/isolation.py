"""A place for code that nobody has read: it may break whatever it sees there.

`guard` leaves a process behind that sweeps when all is over, whoever was killed.
`enter` moves a fresh process into a user, mount, pid, ipc and uts namespace in
which the whole machine is read-only but one scratch directory. On a machine
without such namespaces `enter` says so, and the guard, limits and the clock
remain. user_namespaces(7), pid_namespaces(7), mount_setattr(2), setrlimit(2).
"""

from __future__ import annotations

import contextlib
import faulthandler
import glob
import os
import select
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable

_MEBI = 1 << 20
#: the ids inside: 0 is nobody's outside, the others are shifted by one
_NOBODY = 65534
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")

#: sent to a process that does not end: it writes down where it is
_TELL: int = getattr(signal, "SIGUSR2", 0)

labels: set[str] = set()
_deadline = 0.0
_stderr = 2
_alone = False


class TookTooLong(Exception):
    """The time of a check was up while it waited for a process of its own."""


def ordinary() -> None:
    """Set what is inherited as a login shell would have it, and know where lines are told.

    Signals, their mask, umask and soft limits: signal(7), sigprocmask(2), umask(2), getrlimit(2).
    """
    global _stderr
    _stderr = os.dup(2)
    if os.name != "posix":
        return
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # errors in Python, and not the end
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.umask(0o022)
    faulthandler.register(_TELL, file=_stderr, all_threads=False)


def guard(scratch: str, say: Callable[..., None]) -> None:
    """Go on in a child; this process waits for it, or for the end of whoever reads its results.

    The other end of standard input is held by that reader alone. Then all that
    the child has left ends, and `scratch` goes; `say` is told the exit status.
    """
    if not hasattr(os, "fork"):
        return
    from minicontainer import linux

    if sys.platform == "linux":
        linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
    child = linux.fork(child_goes_on=True)
    if child == 0:
        os.setsid()
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        return
    try:
        pid, status = 0, 0
        while pid != child and not (pid == 0 and select.select([0], [], [], 0.01)[0]):
            pid, status = os.waitpid(-1, os.WNOHANG)
        _end_children(child)
        shutil.rmtree(scratch, ignore_errors=True)
        say(ended=os.waitstatus_to_exitcode(status))
    finally:
        os._exit(0)


def _end_children(child: int) -> None:
    """Kill and wait until there is none; those of a child that has ended are ours, on Linux."""
    while True:
        try:
            with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
                pids = list(map(int, file.read().split()))
        except OSError:
            pids = [child]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def enter(scratch: str, hidden: str) -> bool:
    """Isolate this process and continue in a child of it; False where that cannot be had.

    `scratch` is a directory, the only writable one afterwards, and empty; the directory
    `hidden` is empty. To be called early, with one thread. Raises OSError or
    ContainerError when it fails half-way.
    """
    global _alone
    if sys.platform != "linux":
        return False
    from minicontainer import linux
    from minicontainer.lib.user_namespace import enter_user_namespace

    linux.prctl(linux.PR_SET_PDEATHSIG, 9)
    spaces = linux.CLONE_NEWNS | linux.CLONE_NEWPID | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS
    try:
        enter_user_namespace(spaces, _mappings(os.getuid()), _mappings(os.getgid()))
    except OSError:
        return False
    linux.prctl(linux.PR_SET_DUMPABLE, 1)
    _protect(scratch, hidden)
    _fork_and_wait()  # the child is process 1 of the new pid namespace
    linux.prctl(linux.PR_SET_PDEATHSIG, 9)
    linux.mount("proc", "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    _fork_and_wait()
    _alone = True
    return True


def sweep() -> None:
    """End all processes that a check has left, where all but process 1 and this one are its."""
    if _alone:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError, AttributeError):  # no child; no such call
        while os.waitpid(-1, 0 if _alone else os.WNOHANG)[0]:
            pass


def _mappings(own: int) -> list[dict]:
    """An ordinary user becomes 0 inside, and root does not stay root.

    For root, 0 inside is an id that owns nothing, so that limits hold, and
    root's files keep an owner.
    """
    from minicontainer.lib.user_namespace import mapping

    if os.getuid() != 0:
        return [mapping(0, own)]
    return [mapping(0, _NOBODY), mapping(1, 0, _NOBODY)]


def _protect(scratch: str, hidden: str) -> None:
    """Everything read-only; a small tmpfs on `scratch`, and a /dev of harmless devices."""
    from minicontainer import linux

    linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
    linux.mount_setattr("/", linux.MOUNT_ATTR_RDONLY, recursive=True)
    linux.mount("tmpfs", scratch, "tmpfs", linux.MS_NOSUID, "size=256m,mode=755")
    os.chdir(scratch)
    if os.path.isdir(hidden):
        linux.mount("tmpfs", hidden, "tmpfs", linux.MS_RDONLY, "size=4k,mode=555")
    devices = f"{scratch}/dev"
    os.mkdir(devices)
    linux.mount("tmpfs", devices, "tmpfs", linux.MS_NOSUID, "size=16m,mode=755")
    for name in _DEVICES:
        os.close(os.open(f"{devices}/{name}", os.O_CREAT))
        linux.mount(f"/dev/{name}", f"{devices}/{name}", None, linux.MS_BIND)
    for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(f"/proc/self/{target}", f"{devices}/{name}")
    os.mkdir(f"{devices}/shm", 0o1777)
    os.mkdir(f"{devices}/pts")
    options = "newinstance,ptmxmode=0666,mode=0620"
    linux.mount("devpts", f"{devices}/pts", "devpts", linux.MS_NOSUID | linux.MS_NOEXEC, options)
    os.symlink("pts/ptmx", f"{devices}/ptmx")
    linux.mount(devices, "/dev", None, linux.MS_MOVE)
    os.rmdir(devices)


def _fork_and_wait() -> None:
    """Go on in a child; the parent waits for it, reaps what is left to it, and ends alike."""
    from minicontainer import linux

    child = linux.fork(child_goes_on=True)
    if child == 0:
        return
    status = 0
    try:
        ended_pid = 0
        while ended_pid != child:
            ended_pid, status = os.waitpid(-1, 0)
    finally:
        code = os.waitstatus_to_exitcode(status)
        os._exit(code if code >= 0 else 128 - code)


def own_threads() -> int:
    """How many threads this user has on the machine. Source: proc(5), /proc/pid/task."""
    found = 0
    for threads in glob.iglob("/proc/[0-9]*/task"):
        with contextlib.suppress(OSError):  # it has ended by now
            if os.stat(threads).st_uid == os.getuid():
                found += len(os.listdir(threads))
    return found


def limit(others: int) -> None:
    """Few processes, bounded memory and file size, no core dumps (where limits exist).

    The kernel counts all threads of a user: `others` are not the check's, and may become more.
    """
    try:
        import resource
    except ImportError:
        return
    bounds = {
        resource.RLIMIT_AS: 2048 * _MEBI,
        resource.RLIMIT_FSIZE: 256 * _MEBI,
        resource.RLIMIT_CORE: 0,
    }
    if sys.platform == "linux":
        bounds[resource.RLIMIT_NPROC] = 100 + 2 * others
    usual = {resource.RLIMIT_NOFILE: 1024, resource.RLIMIT_STACK: 8 * _MEBI}
    for name, value in (bounds | usual).items():
        _, hard = resource.getrlimit(name)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(name, (value, value if name in bounds else hard))
    threading.stack_size(8 * _MEBI)  # otherwise what the limit was when this process began


def arm(seconds: float | None = None) -> None:
    """End this process, saying where it was, after `seconds`; without: when it should have."""
    global _deadline
    if seconds is not None:
        _deadline = time.monotonic() + seconds
    faulthandler.dump_traceback_later(left(), exit=True, file=_stderr)


def patience(seconds: float) -> float:
    """`seconds`, or more where more than two processes want each processor, in proportion.

    What answers at once when it is right may then be late, and must not be called wrong.
    Source: proc(5), /proc/loadavg.
    """
    try:
        with open("/proc/loadavg", encoding="ascii") as file:
            minute, _, _, now, _ = file.read().split()
    except OSError:  # no Linux
        return seconds
    wanting = max(float(minute), int(now.partition("/")[0]))
    return seconds * min(max(1.0, wanting / 2 / (os.cpu_count() or 1)), 10.0)


def left(part: float = 1.0) -> float:
    """A `part` of the seconds until the deadline, at least a moment."""
    return max((_deadline - time.monotonic()) * part, 0.05)


def fork() -> int:
    """linux.fork() for an armed process: its clock is a thread, which the child could not stop.

    The caller's clock runs on; the child has none.
    """
    from minicontainer import linux

    faulthandler.cancel_dump_traceback_later()
    pid = linux.fork()
    if pid and _deadline:
        arm()
    return pid


def stop(pid: int) -> None:
    """End the child `pid`, which does not end by itself; it says where it is."""
    if _TELL:
        os.kill(pid, _TELL)
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def ended(code: int) -> str:
    """An exit status (negative: a signal) in words."""
    if code < 0:
        return f"the process was killed by {signal.Signals(-code).name}"
    return f"the process ended with exit status {code}"


def learners_lines(error: BaseException) -> list[str]:
    """The lines of the learner's cells that `error` passed through, outermost first."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{f.filename}, line {f.lineno}: {f.line}" for f in frames if f.filename in labels]

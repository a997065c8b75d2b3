"""A place for code that nobody has read: it may break whatever it sees there.

`enter` moves a fresh process into a user, mount, pid, ipc and uts namespace in
which the whole machine is read-only but one scratch directory, and sets limits;
what it starts ends with it. On a machine without such namespaces `enter` says
so, and limits and the clock remain. user_namespaces(7), pid_namespaces(7),
mount_setattr(2), setrlimit(2).
"""

from __future__ import annotations

import contextlib
import faulthandler
import glob
import os
import sys
import time
import traceback

_MEBI = 1 << 20
#: the ids inside: 0 is nobody's outside, the others are shifted by one
_NOBODY = 65534
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")

labels: set[str] = set()
_seconds = 0.0
_deadline = 0.0


class TookTooLong(Exception):
    """The time of a check was up while it waited for a process of its own."""


def enter(scratch: str) -> bool:
    """Isolate this process and continue in a child of it; False where that cannot be had.

    `scratch` is an empty directory, the only writable one afterwards. To be
    called early, with one thread. Raises OSError or ContainerError when it fails half-way.
    """
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
    _protect(scratch)
    _fork_and_wait()  # the child is process 1 of the new pid namespace
    linux.prctl(linux.PR_SET_PDEATHSIG, 9)
    linux.mount("proc", "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    _fork_and_wait()
    return True


def _mappings(own: int) -> list[dict]:
    """An ordinary user becomes 0 inside, and root does not stay root.

    For root, 0 inside is an id that owns nothing, so that limits hold, and
    root's files keep an owner.
    """
    from minicontainer.lib.user_namespace import mapping

    if os.getuid() != 0:
        return [mapping(0, own)]
    return [mapping(0, _NOBODY), mapping(1, 0, _NOBODY)]


def _protect(scratch: str) -> None:
    """Everything read-only; a small tmpfs on `scratch`, and a /dev of harmless devices."""
    from minicontainer import linux

    linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
    linux.mount_setattr("/", linux.MOUNT_ATTR_RDONLY, recursive=True)
    linux.mount("tmpfs", scratch, "tmpfs", linux.MS_NOSUID, "size=256m,mode=755")
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
    wanted = {
        resource.RLIMIT_AS: 2048 * _MEBI,
        resource.RLIMIT_FSIZE: 256 * _MEBI,
        resource.RLIMIT_CORE: 0,
    }
    if sys.platform == "linux":
        wanted[resource.RLIMIT_NPROC] = 100 + 2 * others
    for name, value in wanted.items():
        _, hard = resource.getrlimit(name)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(name, (value, value))


def arm(seconds: float | None = None, part: float = 1.0) -> None:
    """End this process, saying on stderr where it was, after `seconds`.

    Without `seconds`: again as long as last time, or a `part` of what is left.
    """
    global _seconds, _deadline
    if seconds is not None:
        _seconds, _deadline = seconds, time.monotonic() + seconds
    faulthandler.dump_traceback_later(left(part), exit=True, file=sys.__stderr__ or sys.stderr)


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


def left(part: float) -> float:
    """A `part` of the seconds until the deadline, at least a moment."""
    return max((_deadline - time.monotonic()) * part, 0.05)


def fork() -> int:
    """linux.fork() for an armed process: its clock is a thread, which the child could not stop.

    The caller's clock runs on; the child has none until it is armed.
    """
    from minicontainer import linux

    faulthandler.cancel_dump_traceback_later()
    pid = linux.fork()
    if pid and _deadline:
        arm()
    return pid


def disarm() -> None:
    """Stop the clock, and come back when its thread is gone: with threads, no user namespace.

    For a child made by `fork` only: its caller's clock runs on.
    """
    faulthandler.cancel_dump_traceback_later()
    while len(os.listdir("/proc/self/task")) > 1:
        time.sleep(0.0002)


def note_if_late(status: int) -> None:
    """After a child armed with `arm(part=…)` ended: TookTooLong when its time was up."""
    late = _deadline and time.monotonic() > _deadline - _seconds * 0.2 - 0.1
    if late and os.waitstatus_to_exitcode(status) == 1:
        raise TookTooLong("it did not end")


def ended(code: int) -> str:
    """An exit status (negative: a signal) in words."""
    if code < 0:
        import signal

        return f"the process was killed by {signal.Signals(-code).name}"
    return f"the process ended with exit status {code}"


def learners_lines(error: BaseException) -> list[str]:
    """The lines of the learner's cells that `error` passed through, outermost first."""
    frames = traceback.extract_tb(error.__traceback__)
    told = getattr(error, "where", ())  # a text in the package's own errors
    own = [f"{f.filename}, line {f.lineno}: {f.line}" for f in frames if f.filename in labels]
    return [*own, *told] if isinstance(told, tuple) else own

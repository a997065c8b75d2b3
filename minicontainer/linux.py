"""The system calls that Python lacks, under the names of their manual pages.

The only place that uses ctypes. Each function takes what the call takes,
returns nothing (or the number it gives) and raises OSError with the path or
the name in it. Where Python has a call (os.chroot, os.pidfd_open, …), use that.
Sources: the man-pages project, section 2, one page a function.
"""

from __future__ import annotations

import _signal
import ctypes
import os
import time

from minicontainer import explain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

CLONE_NEWTIME = 0x00000080
CLONE_PARENT = 0x00008000
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_SYNCHRONOUS = 16
MS_REMOUNT = 32
MS_MANDLOCK = 64
MS_DIRSYNC = 128
MS_NOSYMFOLLOW = 256
MS_NOATIME = 1024
MS_NODIRATIME = 2048
MS_BIND = 4096
MS_MOVE = 8192
MS_REC = 16384
MS_UNBINDABLE = 1 << 17
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
MS_RELATIME = 1 << 21
MS_I_VERSION = 1 << 23
MS_STRICTATIME = 1 << 24

MOUNT_ATTR_RDONLY = 1

MNT_DETACH = 2

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_KEEPCAPS = 8
PR_CAPBSET_READ = 23
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
PR_CAP_AMBIENT_CLEAR_ALL = 4

CLOSE_RANGE_CLOEXEC = 4

AT_FDCWD = -100
AT_RECURSIVE = 0x8000

#: numbers of system calls that the C library gives no function for, by machine
_NUMBERS = {
    "clone": {"x86_64": 56, "aarch64": 220},
    "pivot_root": {"x86_64": 155, "aarch64": 41},
    "capget": {"x86_64": 125, "aarch64": 90},
    "capset": {"x86_64": 126, "aarch64": 91},
    "close_range": {"x86_64": 436, "aarch64": 436},
    "mount_setattr": {"x86_64": 442, "aarch64": 442},
}
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)
_machine = os.uname().machine
_constants: dict[str, list[tuple[str, int]]] = {}


def _names(prefixes: str, value: int) -> str:
    """The flags in `value`, as a C programmer writes them."""
    if prefixes not in _constants:
        wanted = tuple(prefixes.split())
        _constants[prefixes] = [(n, v) for n, v in globals().items() if n.startswith(wanted)]
    return " | ".join(n for n, v in _constants[prefixes] if value & v == v) or "0"


def _call(shown: str, what: str | None, function, *arguments) -> int:
    """Call a C function; OSError with `what` in it when the result is -1."""
    began = time.monotonic()
    result = function(*arguments)
    if result == -1:
        number = ctypes.get_errno()
        explain.emit("syscall", f"{shown} = {os.strerror(number)}")
        raise OSError(number, f"{shown}: {os.strerror(number)}", what)
    explain.emit("syscall", shown, seconds=time.monotonic() - began)
    return result


def _syscall(shown: str, what: str | None, name: str, *arguments) -> int:
    if _machine not in _NUMBERS[name]:
        raise OSError(38, f"{name}: no system call number known for {_machine}", what)
    number = ctypes.c_long(_NUMBERS[name][_machine])
    return _call(shown, what, _libc.syscall, number, *arguments)


def _bytes(text: str | os.PathLike | None) -> bytes | None:
    return None if text is None else os.fsencode(text)


def _path(path) -> str:
    """A path for people: that of the open file where it is named as /proc/self/fd/N."""
    text = os.fspath(path) if path is not None else "none"
    if text.startswith("/proc/self/fd/"):
        try:
            return os.readlink(text)
        except OSError:
            return text
    return text


def unshare(flags: int) -> None:
    """Move this process into new namespaces (unshare(2)); `flags` of CLONE_NEW*."""
    _call(f"unshare({_names('CLONE_NEW', flags)})", None, _libc.unshare, flags)


def setns(fd: int, nstype: int = 0) -> None:
    """Join the namespace that `fd` (an open /proc/PID/ns file or a pidfd) names."""
    _call(f"setns({fd}, {_names('CLONE_NEW', nstype)})", None, _libc.setns, fd, nstype)


def fork(child_goes_on: bool = False) -> int:
    """os.fork(), at which a signal is neither lost nor answered by both processes.

    Signals wait until it is over. Then one of the two goes on for the caller; in the
    other one, the child if nothing is said, those that Python would handle have their
    default effect again: a Ctrl-C ends it, and does not lead it up the caller's stack.
    A parent whose handler raises leaves no child. Put a `try` right behind: Python calls
    handlers in calls and in loops only.
    """
    return _divide(os.fork, child_goes_on)


def _divide(split: Callable[[], int], child_goes_on: bool = False) -> int:
    before = _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
    pid = -1
    try:
        try:
            pid = split()
            if child_goes_on == (pid > 0):
                _forget_handlers()
        finally:
            _signal.pthread_sigmask(_signal.SIG_SETMASK, before)
    except BaseException:  # a handler's, or the call has failed
        if pid > 0:
            os.kill(pid, _signal.SIGKILL)
            os.waitpid(pid, 0)
        raise
    return pid


def _forget_handlers() -> None:
    for number in _signal.valid_signals():
        if callable(_signal.getsignal(number)):
            _signal.signal(number, _signal.SIG_DFL)


def clone(flags: int) -> int:
    """fork(2) and unshare(2) in one: 0 in the child, its pid in the parent; signals as in `fork`.

    Only for a process with one thread: Python's fork handlers do not run.
    """
    sigchld = 17
    value = ctypes.c_ulong(flags | sigchld)
    shown = f"clone({_names('CLONE_NEW CLONE_PARENT', flags)})"
    nothing = ctypes.c_void_p(0)

    def split() -> int:
        with explain.silence():  # the child would tell it a second time
            pid = _syscall(shown, None, "clone", value, nothing, nothing, nothing, nothing)
        if pid:
            explain.emit("syscall", shown)
        return pid

    return _divide(split)


def mount(source, target, fstype=None, flags: int = 0, data=None) -> None:
    """mount(2): `source` on `target`; `data` is the filesystem's own option string."""
    options = f", {data!r}" if data else ""
    what = f"{_path(source)}, {_path(target)}, {fstype or '-'}, {_names('MS_', flags)}"
    arguments = (_bytes(source), _bytes(target), _bytes(fstype), ctypes.c_ulong(flags))
    _call(f"mount({what}{options})", os.fspath(target), _libc.mount, *arguments, _bytes(data))


def mount_setattr(target, attributes: int, recursive: bool = False) -> None:
    """mount_setattr(2): set `attributes` (MOUNT_ATTR_*) of a mount, or of all below it too."""
    wanted = (ctypes.c_uint64 * 4)(attributes, 0, 0, 0)
    flags = ctypes.c_uint(AT_RECURSIVE if recursive else 0)
    shown = f"mount_setattr({target!s}, {_names('MOUNT_ATTR_', attributes)})"
    arguments = (ctypes.c_int(AT_FDCWD), _bytes(target), flags, wanted, ctypes.c_size_t(32))
    _syscall(shown, os.fspath(target), "mount_setattr", *arguments)


def umount2(target, flags: int = 0) -> None:
    """umount2(2); `flags` of MNT_DETACH and UMOUNT_NOFOLLOW."""
    shown = f"umount2({target!s}, {_names('MNT_ UMOUNT_', flags)})"
    _call(shown, os.fspath(target), _libc.umount2, _bytes(target), flags)


def pivot_root(new_root, put_old) -> None:
    """pivot_root(2): `new_root` becomes /, the old root is seen at `put_old`."""
    shown = f"pivot_root({new_root!s}, {put_old!s})"
    _syscall(shown, os.fspath(new_root), "pivot_root", _bytes(new_root), _bytes(put_old))


def prctl(option: int, *arguments: int) -> int:
    """prctl(2), for the options named PR_* above; gives what the call returns."""
    padded = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    numbers = "".join(f", {value}" for value in arguments)
    shown = f"prctl({_option_name(option)}{numbers})"
    return _call(shown, None, _libc.prctl, option, *padded)


def _option_name(option: int) -> str:
    _names("PR_", 0)
    return next((n for n, v in _constants["PR_"] if v == option), str(option))


def sethostname(name: str) -> None:
    """sethostname(2), for the uts namespace of this process."""
    value = name.encode()
    _call(f"sethostname({name})", name, _libc.sethostname, value, ctypes.c_size_t(len(value)))


def setdomainname(name: str) -> None:
    """setdomainname(2), for the uts namespace of this process."""
    value = name.encode()
    _call(f"setdomainname({name})", name, _libc.setdomainname, value, ctypes.c_size_t(len(value)))


def close_range(first: int, last: int = 0xFFFFFFFF, flags: int = 0) -> None:
    """close_range(2): close, or with CLOSE_RANGE_CLOEXEC mark, the fds first … last."""
    shown = f"close_range({first}, {last:#x}, {_names('CLOSE_RANGE_', flags)})"
    numbers = (ctypes.c_uint(first), ctypes.c_uint(last), ctypes.c_uint(flags))
    _syscall(shown, None, "close_range", *numbers)


def capset(effective: int, permitted: int, inheritable: int) -> None:
    """capset(2) for this process; each argument is a bit mask of capabilities."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    sets = (effective, permitted, inheritable)
    halves = [value & 0xFFFFFFFF for value in sets] + [value >> 32 for value in sets]
    data = (ctypes.c_uint32 * 6)(*halves)
    shown = f"capset({effective:#x}, {permitted:#x}, {inheritable:#x})"
    _syscall(shown, None, "capset", header, data)


def capget() -> tuple[int, int, int]:
    """capget(2): the effective, permitted and inheritable masks of this process."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)()
    _syscall("capget()", None, "capget", header, data)
    return data[0] | data[3] << 32, data[1] | data[4] << 32, data[2] | data[5] << 32

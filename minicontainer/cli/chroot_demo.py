"""`minicontainer chroot-demo`: a jail of a few files, how one breaks out of it, and what holds.

Plays step 1 on this machine, as root or as an ordinary user. Each act runs in
a child process with a mount namespace of its own, so nothing stays behind.
The telling goes to standard error, what the programs print to standard output.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator

from minicontainer import explain, linux
from minicontainer.errors import MinicontainerError
from minicontainer.lib.places import scratch_directory
from minicontainer.lib.processes import in_child
from minicontainer.lib.refusal import why_refused
from minicontainer.step01_chroot.elf import libraries_of
from minicontainer.step01_chroot.jail import (
    complain,
    enter_root,
    escape,
    mount_private,
    new_namespaces,
    pivot,
    run,
)
from minicontainer.step01_chroot.rootfs import build_root

SHELL = "/bin/sh"
PROGRAMS = [SHELL, "ls", "cat"]
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def play(arguments: argparse.Namespace) -> int:
    """`minicontainer chroot-demo`: the status of the first act that failed, or 0."""
    handlers = [signal.signal(number, _interrupt) for number in _SIGNALS]
    try:
        with _scratch_directory() as directory:
            return _play(directory)
    finally:
        for number, handler in zip(_SIGNALS, handlers, strict=True):
            signal.signal(number, handler)


def _interrupt(number: int, frame: object) -> None:
    """Raise, once: a second Ctrl-C must not stop the tidying up."""
    _ignore_signals()
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def _scratch_directory() -> Iterator[str]:
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # not between the making and the try
    directory = scratch_directory("minicontainer-")
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        yield directory
    finally:
        try:
            _ignore_signals()  # the first Ctrl-C may come just now
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def _play(directory: str) -> int:
    """All acts in their order, up to the first that fails; its status."""
    root, outside = f"{directory}/root", f"{directory}/outside.txt"
    with open(outside, "w", encoding="utf-8") as stream:
        stream.write("I belong to the machine, not to the jail.\n")
    _build(root)
    for title, why, act in _ACTS:
        explain.step(title, why)
        if status := _in_child(act, root, outside):
            return status
    return 0


def _build(root: str) -> None:
    explain.step(
        "A root filesystem from files of this machine",
        "A directory that holds a few programs and every file that they need to start:"
        " the loader and the libraries, which their ELF headers name.",
    )
    with _undisturbed():
        paths, libraries = build_root(root, PROGRAMS), libraries_of(SHELL)
    explain.emit("note", f"{len(paths)} paths; beside itself, {SHELL} needs:")
    for path in libraries:
        explain.emit("note", f"  {path}")


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let Ctrl-C wait: Python turns one that comes during an import into another error."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _look_around(root: str, outside: str) -> int:
    _own_namespaces()
    return run([SHELL, "-c", "echo inside, / holds: *; cat /etc/passwd"], root)


def _without_loader(root: str, outside: str) -> int:
    _own_namespaces()
    loaders = libraries_of(SHELL)[:1]
    if not loaders:
        explain.emit("note", f"{SHELL} of this machine is static: it needs no loader")
        return 0
    enter_root(root)  # first: a path below root could lead out of it by an absolute link
    os.rename(loaders[0], f"{loaders[0]}.away")
    status = run([SHELL, "-c", "echo never said"])
    os.rename(f"{loaders[0]}.away", loaders[0])
    explain.emit(
        "note", f"exit status {status}; and yet /bin holds: {' '.join(os.listdir('/bin'))}"
    )
    return 0 if status == 127 else 1


def _break_out(root: str, outside: str) -> int:
    _own_namespaces()
    enter_root(root)
    explain.emit("syscall", f"chroot({root}), chdir(/)")
    _report(outside)
    explain.emit("syscall", "mkdir(door), chroot(door), chdir(..) as far as it goes, chroot(.)")
    escape()
    return 0 if _report(outside) else 1


def _stopped(root: str, outside: str) -> int:
    _own_namespaces(linux.CLONE_NEWPID)
    pivot(root)
    explain.emit("syscall", "mkdir(door), chroot(door), chdir(..) as far as it goes, chroot(.)")
    escape()
    if _report(outside):
        return 1
    return run([SHELL, "-c", "echo still inside, / holds: *; echo I am process $$ here"])


def _report(path: str) -> bool:
    """Tell whether `path` can be read from where we are."""
    try:
        with open(path, encoding="utf-8") as stream:
            explain.emit("note", f"cat {path}: {stream.read().strip()}")
    except OSError as problem:
        explain.emit("note", f"cat {path}: {problem.strerror}")
        return False
    return True


_ACTS: list[tuple[str, str, Callable[[str, str], int]]] = [
    (
        "A process inside",
        "chroot makes the directory this process's /, and chdir goes there. Ordinary users"
        " may do so as root of a user namespace of their own.",
        _look_around,
    ),
    (
        'Why "No such file or directory"?',
        "We take the loader away. /bin/sh is still there; but the kernel starts the loader that"
        " the program names, and it is the loader that does not exist.",
        _without_loader,
    ),
    (
        "The break-out",
        "A process has one root. One that may call chroot once more makes a directory below"
        " itself the root; then nothing stops .. on the way up to the machine's root.",
        _break_out,
    ),
    (
        "What holds: pivot_root",
        "In a mount namespace of our own, the new root takes the old one's place and the old one"
        " is unmounted. The same break-out ends where it began: there is nothing else.",
        _stopped,
    ),
]


def _own_namespaces(more: int = 0) -> None:
    """Go on in a private mount namespace, as root of a user namespace if we are not root."""
    user = linux.CLONE_NEWUSER if os.geteuid() != 0 else 0
    try:
        new_namespaces(user | linux.CLONE_NEWNS | more)
        mount_private()
    except OSError as problem:
        raise why_refused(problem) from None


def _in_child(act: Callable[[str, str], int], root: str, outside: str) -> int:
    """Run `act` in a child process and return its exit status."""

    def told() -> int:
        try:
            return act(root, outside)
        except MinicontainerError as problem:
            complain(str(problem))
        except OSError as problem:
            complain(f"{problem.filename or act.__name__}: {problem.strerror}")
        return 1

    sys.stdout.flush()
    return in_child(told)

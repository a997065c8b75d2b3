"""Where is `path` inside a root that we do not trust?

An image may hold `etc -> /`, so a path given to the kernel as text could lead
out of the root. Here a path is walked name by name from the root, links are
read and followed by our own rules, and the result is an open file descriptor,
which nobody can swap afterwards. Mounts go on /proc/self/fd/N.
Spec: open(2), O_PATH and O_NOFOLLOW; path_resolution(7).
"""

from __future__ import annotations

import errno
import os
import stat

_LINKS = 40  # as the kernel: path_resolution(7)


def open_inside(root: str, path: str, make: str = "") -> int:
    """An O_PATH file descriptor for `path` as seen by a process whose / is `root`.

    `..` stops at the root and a link's absolute target begins at the root.
    With `make` ("directory" or "file") what is missing is made.

    Raises OSError, ELOOP for more than 40 links.
    """
    trail = [os.open(root, os.O_PATH | os.O_DIRECTORY)]
    try:
        pending, links = _names(path), 0
        while pending:
            name = pending.pop()
            if name == "..":
                if len(trail) > 1:
                    os.close(trail.pop())
                continue
            fd = _open_name(trail[-1], name, make if make and not pending else make and "directory")
            target = _link_target(fd)
            if target is None:
                trail.append(fd)
                continue
            links += 1
            if links > _LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            if target.startswith("/"):
                while len(trail) > 1:
                    os.close(trail.pop())
            pending += _names(target)
        return trail.pop()
    finally:
        for fd in trail:
            os.close(fd)


def shown(fd: int) -> str:
    """The name under which the kernel finds the open file descriptor `fd` again."""
    return f"/proc/self/fd/{fd}"


def mount_id(root: str, path: str) -> str:
    """Which mount `path` lies on; "" when it is not there. Source: proc_pid_fdinfo(5), mnt_id."""
    try:
        fd = open_inside(root, path)
    except OSError:
        return ""
    with open(f"/proc/self/fdinfo/{fd}") as file:
        line = next(line for line in file if line.startswith("mnt_id:"))
    os.close(fd)
    return line


def _names(path: str) -> list[str]:
    """The names in `path`, the last one first, as a stack."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def _open_name(directory: int, name: str, make: str) -> int:
    flags = os.O_PATH | os.O_NOFOLLOW
    try:
        return os.open(name, flags, dir_fd=directory)
    except FileNotFoundError:
        if not make:
            raise
    if make == "file":
        os.close(os.open(name, os.O_CREAT | os.O_EXCL, 0o644, dir_fd=directory))
    else:
        os.mkdir(name, 0o755, dir_fd=directory)
    return os.open(name, flags, dir_fd=directory)


def _link_target(fd: int) -> str | None:
    """Where the symbolic link `fd` points, and `fd` closed; None when it is no link."""
    if not stat.S_ISLNK(os.fstat(fd).st_mode):
        return None
    try:
        return os.readlink("", dir_fd=fd)
    finally:
        os.close(fd)

"""Files named by the directory they are in: what keeps a path from leading elsewhere.

A directory is an open file descriptor, and its files are reached by the *at()
calls, so that no other directory can take its place meanwhile. Where the
platform lacks them (Windows), a directory is a plain path.
Source: openat(2), "Rationale for openat() and other directory file descriptor APIs".
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat

from minicontainer.errors import ImageError

DEEPEST_REMOVAL = 100

#: an open directory: a file descriptor, or a path where those can't be used
Directory = int | str

HAS_DIR_FD = {os.open, os.stat, os.mkdir, os.unlink} <= os.supports_dir_fd
_OPEN = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)


def open_directory(path: str) -> Directory:
    """The directory at `path`, whose links are followed: that is for names we made ourselves."""
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY) if HAS_DIR_FD else path


def open_child(directory: Directory, name: str) -> Directory:
    """The directory `name` in `directory`; NotADirectoryError if it is a symbolic link."""
    path, dir_fd = at(directory, name)
    if dir_fd is not None:
        return os.open(path, _OPEN, dir_fd=dir_fd)
    if not stat.S_ISDIR(os.lstat(path).st_mode):
        raise NotADirectoryError(20, "Not a directory", path)
    return path


def at(directory: Directory, name: str) -> tuple[str, int | None]:
    """`name` in `directory`, as the arguments `path` and `dir_fd` of the calls in os."""
    if isinstance(directory, int):
        return name, directory
    if set(name) & {"\\", ":"}:  # separators on Windows
        raise ImageError("this system can't have a file of that name", name)
    return os.path.join(directory, name), None


def close_directory(directory: Directory) -> None:
    """Close what open_directory or open_child gave."""
    if isinstance(directory, int):
        os.close(directory)


def mode_of(directory: Directory, name: str) -> int:
    """Type and permissions of `name` itself, links not followed; 0 if there is nothing."""
    path, dir_fd = at(directory, name)
    try:
        return os.stat(path, dir_fd=dir_fd, follow_symlinks=False).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0


def link_target(directory: Directory, name: str) -> str | None:
    """Where the symbolic link `name` points to; None if it is none, or there is nothing."""
    path, dir_fd = at(directory, name)
    with contextlib.suppress(OSError):
        return os.readlink(path, dir_fd=dir_fd)
    return None


def names_in(directory: Directory) -> list[str]:
    """The names of what is in `directory`."""
    return os.listdir(directory)


def remove(directory: Directory, name: str) -> None:
    """Remove `name`, with all that is below it if it is a directory; modes do not matter.

    Every level takes an open file, so what lies too deep is moved up and comes last.
    """
    _remove(directory, name, directory, 0)


def _remove(directory: Directory, name: str, top: Directory, depth: int) -> None:
    path, dir_fd = at(directory, name)
    mode = mode_of(directory, name)
    if not stat.S_ISDIR(mode):
        os.unlink(path, dir_fd=dir_fd)
        return
    if mode & 0o700 != 0o700:  # else an ordinary user could not empty it
        os.chmod(path, 0o700, dir_fd=dir_fd)
    if depth > DEEPEST_REMOVAL:
        moved, top_fd = at(top, secrets.token_hex(16))
        os.rename(path, moved, src_dir_fd=dir_fd, dst_dir_fd=top_fd)
        return
    child = open_child(directory, name)
    try:
        while names := names_in(child):
            for inner in names:
                _remove(child, inner, top if depth else child, depth + 1)
    finally:
        close_directory(child)
    os.rmdir(path, dir_fd=dir_fd)


def remove_tree(path: str | os.PathLike) -> None:
    """Remove the directory at `path` and all in it; fine if there is none. Raises OSError."""
    parent, name = os.path.split(os.path.abspath(path))
    with contextlib.suppress(FileNotFoundError):
        directory = open_directory(parent)
        try:
            remove(directory, name)
        finally:
            close_directory(directory)

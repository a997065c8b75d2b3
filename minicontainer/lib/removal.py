"""Removing a tree that we do not trust: no link is followed, and no depth or mode is too much."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat

from .directories import Directory, at, close_directory, open_child, open_directory

DEEPEST_REMOVAL = 100


def remove(directory: Directory, name: str) -> None:
    """Remove `name`, with all that is below it if it is a directory; modes do not matter.

    Every level takes an open file, so what lies too deep is moved up and comes last.
    """
    _remove(directory, name, directory, 0)


def _remove(directory: Directory, name: str, top: Directory, depth: int) -> None:
    path, dir_fd = at(directory, name)
    mode = os.stat(path, dir_fd=dir_fd, follow_symlinks=False).st_mode
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
        while names := os.listdir(child):
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

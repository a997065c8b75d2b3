"""A directory that nothing can climb out of: the root filesystem while it is made.

In: entries of layers, and names that whiteouts hide. Out: files below one directory.
The names come from strangers, so every parent directory is found by safe_path,
which follows symbolic links as they will be followed inside the container, and
is then opened step by step without following any; and what has an entry's name
is removed, never opened.
Spec: image-spec, layer.md, "Applying Changesets"; path_resolution(7), openat(2).
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable, Collection
from pathlib import Path

from minicontainer.errors import ImageError
from minicontainer.lib.directories import (
    Directory,
    at,
    close_directory,
    link_target,
    mode_of,
    names_in,
    open_child,
    open_directory,
    remove,
)
from minicontainer.lib.files import write_all
from minicontainer.lib.metadata import Metadata
from minicontainer.lib.tar import (
    BLOCK_DEVICE,
    CHARACTER_DEVICE,
    DIRECTORY,
    FIFO,
    FILE,
    HARD_LINK,
    SYMLINK,
    Entry,
)

#: the kernel follows at most this many symbolic links on one path (path_resolution(7))
MOST_LINKS = 40
#: how many directories may lie in each other
DEEPEST_TREE = 256

#: the way from the root to a file, by names: none is `..`, no parent is a symbolic link
Place = tuple[str, ...]

_MOST_OPEN = 64
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_CREATE |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def safe_path(readlink: Callable[[Place], str | None], name: str) -> Place:
    """Where `name` is inside a root filesystem, its symbolic links followed as in there.

    `readlink(place)` gives the target of the symbolic link at `place`, and None if
    no symbolic link is there. The target of a link counts from the link's directory,
    or from the root if it is absolute; `..` at the root stays at the root. What
    does not exist is taken as it is. So the result has no `..` in it and no link.

    Raises ImageError when more than MOST_LINKS links have to be followed.
    Source: path_resolution(7), with the root filesystem for the root.
    """
    place: list[str] = []
    todo = name.split("/")[::-1]
    links = 0
    while todo:
        part = todo.pop()
        if part == "..":
            place = place[:-1]
        elif part not in ("", "."):
            target = readlink((*place, part))
            if target is None:
                place.append(part)
                continue
            links += 1
            if links > MOST_LINKS:
                raise ImageError("too many levels of symbolic links", name)
            place = [] if target.startswith("/") else place
            todo += target.split("/")[::-1]
    return tuple(place)


class RootFilesystem:
    """The root filesystem in the directory `path`: `with RootFilesystem(path) as root`.

    `owners` says whether files get the owners that their entries name (None: as
    root only). Directories get their metadata when the with statement ends: work
    in them needs other modes, and changes their times.
    """

    def __init__(self, path: Path | str, owners: bool | None = None) -> None:
        self.path = os.fspath(path)
        self._metadata = Metadata(owners)
        self._directories: dict[Place, Entry] = {}
        self._opened: dict[Place, Directory] = {}
        self._resolved: dict[str, Place] = {}

    def __enter__(self) -> RootFilesystem:
        self._open(())
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._finish_directories()
        finally:
            self._forget()

    def add(self, entry: Entry) -> Place:
        """Make what `entry` describes, and tell where it is.

        What has its name is removed first, save a directory if the entry is one
        too. Missing parents are made. Raises ImageError and OSError.
        """
        parent, _, name = entry.name.rpartition("/")
        if name == ".":
            if entry.type != DIRECTORY:
                raise ImageError("the root of the filesystem can only be a directory")
            self._directories[()] = entry
            return ()
        self._limit_open()
        try:
            place = (*self._make_parents(parent), name)
            self._make(entry, place)
        except OSError as error:
            error.filename = entry.name  # the calls know its last part only
            raise
        return place

    def remove(self, name: str, keep: Collection[Place] = ()) -> None:
        """Remove `name` and all below it, save what is at a place in `keep` (a set), or above one.

        It is fine if there is no such file. Raises ImageError and OSError.
        """
        parent, _, last = name.rpartition("/")
        self._remove((*self.find(parent), last), keep)

    def clear(self, name: str, keep: Collection[Place] = ()) -> None:
        """Empty the directory `name`, save what is at a place in `keep` (a set), or above one.

        It is fine if there is no such directory. Raises ImageError and OSError.
        """
        self._empty(self.find(name), keep)

    def read(self, name: str, most: int = 1 << 20) -> bytes | None:
        """The first `most` bytes of the file `name`; None if it is missing or no regular file."""
        place = self.find(name)
        if not place or not stat.S_ISREG(self._mode(place)):
            return None
        path, dir_fd = at(self._open(place[:-1]), place[-1])
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0), dir_fd=dir_fd)
        with open(handle, "rb") as file:
            return file.read(most)

    def find(self, name: str) -> Place:
        """Where `name` is, all links followed inside the root. Raises ImageError."""
        return self._resolved.get(name) or safe_path(self._readlink, name)

    def _readlink(self, place: Place) -> str | None:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return link_target(self._open(place[:-1]), place[-1])
        return None

    def _mode(self, place: Place) -> int:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return mode_of(self._open(place[:-1]), place[-1])
        return 0

    def _open(self, place: Place, make: bool = False) -> Directory:
        """The directory at `place`, opened from the root on, no link followed."""
        if place in self._opened:
            return self._opened[place]
        if len(place) > DEEPEST_TREE:
            raise ImageError(f"more than {DEEPEST_TREE} directories in each other", "/".join(place))
        if not place:
            directory = open_directory(self.path)
        else:
            parent = self._open(place[:-1], make)
            directory = self._open_child(parent, place, make)
        self._opened[place] = directory
        return directory

    def _open_child(self, parent: Directory, place: Place, make: bool) -> Directory:
        try:
            return open_child(parent, place[-1])
        except FileNotFoundError:
            if not make:
                raise
            _make_directory(self, Entry("/".join(place), DIRECTORY), place)
            implied = Entry("/".join(place), DIRECTORY, mode=0o755, mtime=time.time_ns())
            self._directories[place] = implied
            return open_child(parent, place[-1])

    def _make_parents(self, name: str) -> Place:
        """The directory `name`, which is there afterwards."""
        place = self._resolved.get(name)
        if place is None:
            place = safe_path(self._readlink, name)
            try:
                self._open(place, make=True)
            except NotADirectoryError:
                raise ImageError("not a directory, but the layer puts a file in it", name) from None
            # safe to remember: whatever removes or replaces a part of it forgets it
            self._resolved[name] = place
        return place

    def _make(self, entry: Entry, place: Place) -> None:
        make = _MAKERS[entry.type]
        try:
            make(self, entry, place)
        except FileExistsError:
            if entry.type != DIRECTORY or not stat.S_ISDIR(self._mode(place)):
                self._remove(place, ())
                make(self, entry, place)
        if entry.type == DIRECTORY:
            self._directories[place] = entry

    def _remove(self, place: Place, keep: Collection[Place]) -> None:
        self._limit_open()
        mode = self._mode(place)
        if keep and stat.S_ISDIR(mode):
            self._empty(place, keep)
            if self._names(place):
                return
        if mode and place not in keep:
            if stat.S_ISDIR(mode) or stat.S_ISLNK(mode):
                self._forget()
            remove(self._open(place[:-1]), place[-1])

    def _empty(self, place: Place, keep: Collection[Place]) -> None:
        for name in self._names(place):
            self._remove((*place, name), keep)

    def _names(self, place: Place) -> list[str]:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return names_in(self._open(place))
        return []

    def _finish_directories(self) -> None:
        """Their metadata, the deepest first: a parent's mode may close the way."""
        for place in sorted(self._directories, reverse=True):
            self._limit_open()
            if not place:
                self._metadata.apply(self._directories[place], self._open(()), ".")
            elif stat.S_ISDIR(self._mode(place)):
                parent = self._open(place[:-1])
                self._metadata.apply(self._directories[place], parent, place[-1])

    def _limit_open(self) -> None:
        if len(self._opened) > _MOST_OPEN:
            self._forget()

    def _forget(self) -> None:
        for directory in self._opened.values():
            close_directory(directory)
        self._opened.clear()
        self._resolved.clear()


def _make_file(root: RootFilesystem, entry: Entry, place: Place) -> None:
    directory, name = root._open(place[:-1]), place[-1]
    path, dir_fd = at(directory, name)
    file = os.open(path, _CREATE, 0o600, dir_fd=dir_fd)
    try:
        end = 0
        for offset, piece in entry.content():
            if offset != end:
                os.lseek(file, offset, os.SEEK_SET)
            write_all(file, piece)
            end = offset + len(piece)
        if end != entry.size:
            os.ftruncate(file, entry.size)
    finally:
        os.close(file)
    root._metadata.apply(entry, directory, name)


def _make_directory(root: RootFilesystem, entry: Entry, place: Place) -> None:
    path, dir_fd = at(root._open(place[:-1]), place[-1])
    os.mkdir(path, 0o700, dir_fd=dir_fd)


def _make_symlink(root: RootFilesystem, entry: Entry, place: Place) -> None:
    directory, name = root._open(place[:-1]), place[-1]
    path, dir_fd = at(directory, name)
    os.symlink(entry.link, path, dir_fd=dir_fd)
    root._metadata.apply(entry, directory, name)


def _make_hard_link(root: RootFilesystem, entry: Entry, place: Place) -> None:
    """A second name for a file; link(2) does not follow a symbolic link that has the first one."""
    parent, _, last = entry.link.rpartition("/")
    target = (*root.find(parent), last)
    if not root._mode(target):
        raise ImageError(f"a hard link to {entry.link}, which is not there", entry.name)
    if target == place:
        return
    source, source_fd = at(root._open(target[:-1]), target[-1])
    path, dir_fd = at(root._open(place[:-1]), place[-1])
    follow = os.link not in os.supports_follow_symlinks  # Windows
    os.link(source, path, src_dir_fd=source_fd, dst_dir_fd=dir_fd, follow_symlinks=follow)


def _make_node(root: RootFilesystem, entry: Entry, place: Place) -> None:
    """A device or a FIFO; devices are root's to make, and left out by others."""
    directory, name = root._open(place[:-1]), place[-1]
    path, dir_fd = at(directory, name)
    kinds = {CHARACTER_DEVICE: stat.S_IFCHR, BLOCK_DEVICE: stat.S_IFBLK, FIFO: stat.S_IFIFO}
    try:
        os.mknod(path, kinds[entry.type] | 0o600, os.makedev(*entry.device), dir_fd=dir_fd)
    except (PermissionError, AttributeError):
        root._metadata.say("devices", f"{entry.name} is left out: making a device needs root")
    else:
        root._metadata.apply(entry, directory, name)


_MAKERS = {
    FILE: _make_file,
    HARD_LINK: _make_hard_link,
    SYMLINK: _make_symlink,
    CHARACTER_DEVICE: _make_node,
    BLOCK_DEVICE: _make_node,
    DIRECTORY: _make_directory,
    FIFO: _make_node,
}

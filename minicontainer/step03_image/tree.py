"""A directory that nothing can climb out of: the root filesystem while it is made.

In: entries of layers, and names that whiteouts hide. Out: files below one directory.
The names come from strangers, so every parent directory is found by safe_path,
which follows symbolic links as they will be followed inside the container, and
is then opened step by step without following any; and what has an entry's name
is removed, never opened.
Spec: image-spec, layer.md, "Applying Changesets"; path_resolution(7).
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Collection
from pathlib import Path

from minicontainer.errors import ImageError
from minicontainer.lib.directories import Files, Place
from minicontainer.lib.removal import remove
from minicontainer.lib.tar import DIRECTORY, HARD_LINK, Entry

#: the kernel follows at most this many symbolic links on one path (path_resolution(7))
MOST_LINKS = 40


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

    Directories get their attributes when the with statement ends: work in them
    needs other modes, and changes their times.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = os.fspath(path)
        self._files = Files(self.path)
        self._directories: dict[Place, Entry] = {}
        self._parents: dict[str, Place] = {}

    def __enter__(self) -> RootFilesystem:
        self._files.directory(())
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._finish_directories()
        finally:
            self._files.close()

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
        self._files.limit()
        try:
            place = (*self._make_parents(parent), name)
            self._replace(entry, place)
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
        self._clear(self.find(name), keep)

    def read(self, name: str, most: int = 1 << 20) -> bytes | None:
        """The first `most` bytes of the file `name`; None if it is missing or no regular file."""
        place = self.find(name)
        return self._files.read(place, most) if stat.S_ISREG(self._files.mode(place)) else None

    def find(self, name: str) -> Place:
        """Where `name` is, all links followed inside the root. Raises ImageError."""
        return self._parents.get(name) or safe_path(self._files.link_target, name)

    def _make_parents(self, name: str) -> Place:
        """The directory `name`, which is there afterwards."""
        place = self.find(name)
        if name not in self._parents:
            for depth in range(1, len(place) + 1):
                self._make_missing(place[:depth])
            # safe to remember: whatever removes or replaces a part of it forgets it
            self._parents[name] = place
        return place

    def _make_missing(self, place: Place) -> None:
        name = "/".join(place)
        try:
            self._files.directory(place)
        except FileNotFoundError:
            self._replace(Entry(name, DIRECTORY, mode=0o755, mtime=time.time_ns()), place)
        except NotADirectoryError:
            raise ImageError("not a directory, but the layer puts a file in it", name) from None

    def _replace(self, entry: Entry, place: Place) -> None:
        """Make the entry at `place`, instead of what is there; a directory stays one."""
        try:
            self._make(entry, place)
        except FileExistsError:
            if entry.type != DIRECTORY or not stat.S_ISDIR(self._files.mode(place)):
                self._remove(place)
                self._make(entry, place)
        if entry.type == DIRECTORY:
            self._directories[place] = entry

    def _make(self, entry: Entry, place: Place) -> None:
        if entry.type != HARD_LINK:
            self._files.make(entry, place)
            return
        parent, _, last = entry.link.rpartition("/")
        first = (*self.find(parent), last)
        if not self._files.mode(first):
            raise ImageError(f"a hard link to {entry.link}, which is not there", entry.name)
        if first != place:
            self._files.link(first, place)

    def _remove(self, place: Place, keep: Collection[Place] = ()) -> None:
        self._files.limit()
        mode = self._files.mode(place)
        if keep and stat.S_ISDIR(mode):
            self._clear(place, keep)
            if self._files.names(place):
                return
        if mode and place not in keep:
            if stat.S_ISDIR(mode) or stat.S_ISLNK(mode):
                self._files.close()
                self._parents.clear()
            remove(self._files.directory(place[:-1]), place[-1])

    def _clear(self, place: Place, keep: Collection[Place]) -> None:
        for name in self._files.names(place):
            self._remove((*place, name), keep)

    def _finish_directories(self) -> None:
        """Their attributes, the deepest first: a parent's mode may close the way."""
        for place in sorted(self._directories, reverse=True):
            self._files.limit()
            if stat.S_ISDIR(self._files.mode(place)):
                self._files.set_attributes(self._directories[place], place)

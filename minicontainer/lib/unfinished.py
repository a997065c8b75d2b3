"""A file that gets its name only when it is complete, and that a later attempt can continue.

Until then it lies, locked, under a name that every attempt uses. While another
process is writing it, this one uses a name of its own, which is gone afterwards.
Errors of the disk come as ImageError. Source: flock(2), rename(2).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .files import plain_errors
from .locks import try_lock

_CHUNK = 1 << 20  # bytes


class UnfinishedFile:
    """The file at `path`, from open() to close(), unless rename() or discard() end it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1
        self._kept = True

    def open(self) -> None:
        """Begin, or go on with what an earlier attempt left: read() that before write()."""
        with plain_errors(self._path):
            handle = try_lock(self._path)
            if handle is not None and not _is_at(handle, self._path):
                os.close(handle)  # another process finished it just now
                handle = None
            if handle is None:
                self._kept = False
                handle, name = tempfile.mkstemp(dir=self._path.parent)
                self._path = Path(name)
            self._file = handle

    def read(self) -> Iterator[bytes]:
        """What an earlier attempt left."""
        with plain_errors(self._path):
            while chunk := os.read(self._file, _CHUNK):
                yield chunk

    def restart(self) -> None:
        """Forget what an earlier attempt left: the next write is the file's first byte."""
        with plain_errors(self._path):
            os.ftruncate(self._file, 0)
            os.lseek(self._file, 0, os.SEEK_SET)

    def write(self, chunk: bytes | memoryview) -> None:
        """Append `chunk`."""
        rest = memoryview(chunk)
        with plain_errors(self._path):
            while rest:
                rest = rest[os.write(self._file, rest) :]

    def rename(self, path: Path) -> None:
        """It is complete: give it the name `path`, in a directory that is made if need be."""
        with plain_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            os.chmod(self._path, 0o644)
            if os.name == "nt":  # Windows renames no open file; elsewhere the lock must be held
                self.close()
            os.replace(self._path, path)

    def discard(self) -> None:
        """Throw it away, so that no later attempt goes on with it."""
        self.restart()
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """End this attempt; the next one can go on where it stopped."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        if not self._kept:
            self._path.unlink(missing_ok=True)


def _is_at(file: int, path: Path) -> bool:
    """Does `path` still name the file that is open as `file`?"""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False

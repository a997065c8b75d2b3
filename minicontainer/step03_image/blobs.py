"""Writing blobs: a blob gets its name only once it is complete and verified.

Bytes go to an unfinished file, which tells how far it got, so that the next
attempt continues there; a wrong size or digest throws it away.
Spec: image-spec, image-layout.md, "Blobs"; descriptor.md, "Verification".
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from minicontainer import explain
from minicontainer.errors import DigestMismatch, SizeMismatch
from minicontainer.lib.files import plain_errors, write_all
from minicontainer.lib.locks import locked, try_lock

from .digest import Digester, algorithm_of, digest_of
from .layout import Layout, blob_path, has_blob, open_blob
from .spec import Descriptor

_CHUNK = 1 << 20  # bytes


def write_blob(layout: Layout, content: bytes, media_type: str) -> Descriptor:
    """Add `content` to the layout and give its descriptor. Raises ImageError."""
    descriptor: Descriptor = {
        "mediaType": media_type,
        "digest": digest_of(content),
        "size": len(content),
    }
    with BlobWriter(layout, descriptor) as blob:
        blob.restart()
        blob.write(content)
        blob.commit()
    return descriptor


def is_intact(layout: Layout, descriptor: Descriptor) -> bool:
    """Is the blob there, and are its bytes still those of its digest? Reads all of it."""
    if not has_blob(layout, descriptor):
        return False
    digester = Digester(algorithm_of(descriptor["digest"]))
    with open_blob(layout, descriptor["digest"]) as blob:
        while chunk := blob.read(_CHUNK):
            digester.update(chunk)
    return digester.digest() == descriptor["digest"]


def drop_if_damaged(layout: Layout, descriptor: Descriptor) -> None:
    """Remove the blob if it is there, but not intact any more. Raises ImageError."""
    path = blob_path(layout, descriptor["digest"])
    with plain_errors(path):
        if path.is_file() and not is_intact(layout, descriptor):
            explain.emit("note", f"{descriptor['digest']} is damaged: it is removed")
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def in_use(layout: Layout) -> Iterator[None]:
    """Keep prune from deleting blobs, while some of them have no name in index.json yet."""
    with contextlib.ExitStack() as held:
        with plain_errors(layout.path):
            held.enter_context(locked(layout.own / "in-use.lock", shared=True))
        yield


class BlobWriter:
    """A blob that is being written: `with BlobWriter(layout, descriptor) as blob`.

    `offset` says how many bytes an earlier attempt left: write what follows, or
    call restart() and write everything; commit() verifies it and gives it its
    name. Left without commit(), the unfinished file stays for the next attempt.
    While another process writes the same blob, this one uses a file of its own.
    """

    def __init__(self, layout: Layout, descriptor: Descriptor) -> None:
        self._algorithm = algorithm_of(descriptor["digest"])
        self._final = blob_path(layout, descriptor["digest"])
        self._directory = layout.own / "unfinished"
        self._descriptor = descriptor
        self._digester = Digester(self._algorithm)
        self._file = -1
        self._path = self._directory / descriptor["digest"].replace(":", "-")
        self._resumable = True

    @property
    def offset(self) -> int:
        """How many bytes of the blob are there already."""
        return self._digester.size

    def __enter__(self) -> BlobWriter:
        with plain_errors(self._path):
            self._open()
            with open(self._file, "rb", buffering=0, closefd=False) as unfinished:
                while chunk := unfinished.read(_CHUNK):
                    self._digester.update(chunk)
            if self.offset > self._descriptor["size"]:
                self.restart()
        return self

    def _open(self) -> None:
        handle = try_lock(self._path)
        if handle is not None and not _is_at(handle, self._path):
            os.close(handle)  # another process finished it just now: its file is a blob already
            handle = None
        if handle is None:
            self._resumable = False
            handle, name = tempfile.mkstemp(dir=self._directory)
            self._path = Path(name)
        self._file = handle

    def restart(self) -> None:
        """Forget what an earlier attempt left: the next write is the blob's first byte."""
        with plain_errors(self._path):
            os.ftruncate(self._file, 0)
            os.lseek(self._file, 0, os.SEEK_SET)
        self._digester = Digester(self._algorithm)

    def write(self, chunk: bytes | memoryview) -> None:
        """Append `chunk`. Raises SizeMismatch as soon as there are too many bytes; ImageError."""
        if self.offset + len(chunk) > self._descriptor["size"]:
            self._reject()
            what = f"longer than the {self._descriptor['size']} bytes that were announced"
            raise SizeMismatch(what, self._descriptor["digest"])
        with plain_errors(self._path):
            write_all(self._file, chunk)
        self._digester.update(chunk)

    def commit(self) -> None:
        """Verify size and digest, then give the blob its name.

        Raises SizeMismatch (the unfinished file stays, to be continued),
        DigestMismatch (it is thrown away), ImageError.
        """
        wanted, found = self._descriptor["digest"], self._digester.digest()
        if self.offset != self._descriptor["size"]:
            what = f"{self.offset} bytes of {self._descriptor['size']} have arrived"
            raise SizeMismatch(what, wanted)
        if found != wanted:
            self._reject()
            raise DigestMismatch(f"the content that arrived has the digest {found}", wanted)
        with plain_errors(self._final):
            self._final.parent.mkdir(parents=True, exist_ok=True)
            os.chmod(self._path, 0o644)
            if os.name == "nt":  # Windows renames no open file; elsewhere the lock must be held
                self._close()
            os.replace(self._path, self._final)
        explain.emit("digest", f"verified {wanted} ({self.offset} bytes)", size=self.offset)

    def __exit__(self, *_: object) -> None:
        self._close()
        if not self._resumable:
            self._path.unlink(missing_ok=True)

    def _reject(self) -> None:
        self.restart()
        self._path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _is_at(file: int, path: Path) -> bool:
    """Does `path` still name the file that is open as `file`?"""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False

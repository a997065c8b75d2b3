"""Writing blobs: a blob gets its name only once it is complete and verified.

Bytes go to an unfinished file, which tells how far it got, so that the next
attempt continues there; a wrong size or digest throws it away.
Spec: image-spec, image-layout.md, "Blobs"; descriptor.md, "Verification".
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from minicontainer import explain
from minicontainer.errors import DigestMismatch, SizeMismatch
from minicontainer.lib.files import plain_errors
from minicontainer.lib.locks import locked
from minicontainer.lib.unfinished import UnfinishedFile

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
    """Keep blobs from being collected as garbage while no name in index.json leads to them yet."""
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
    All of it raises ImageError.
    """

    def __init__(self, layout: Layout, descriptor: Descriptor) -> None:
        self._digest, self._size = descriptor["digest"], descriptor["size"]
        self._final = blob_path(layout, self._digest)
        self._digester = Digester(algorithm_of(self._digest))
        self._file = UnfinishedFile(layout.own / "unfinished" / self._digest.replace(":", "-"))

    @property
    def offset(self) -> int:
        """How many bytes of the blob are there already."""
        return self._digester.size

    def __enter__(self) -> BlobWriter:
        self._file.open()
        for chunk in self._file.read():
            self._digester.update(chunk)
        if self.offset > self._size:
            self.restart()
        return self

    def restart(self) -> None:
        """Forget what an earlier attempt left: the next write is the blob's first byte."""
        self._file.restart()
        self._digester = Digester(algorithm_of(self._digest))

    def write(self, chunk: bytes | memoryview) -> None:
        """Append `chunk`. Raises SizeMismatch as soon as there are too many bytes."""
        if self.offset + len(chunk) > self._size:
            self._file.discard()
            what = f"longer than the {self._size} bytes that were announced"
            raise SizeMismatch(what, self._digest)
        self._file.write(chunk)
        self._digester.update(chunk)

    def commit(self) -> None:
        """Verify size and digest, then give the blob its name.

        Raises SizeMismatch (the unfinished file stays, to be continued), and
        DigestMismatch (it is thrown away).
        """
        if self.offset != self._size:
            what = f"{self.offset} bytes of {self._size} have arrived"
            raise SizeMismatch(what, self._digest)
        found = self._digester.digest()
        if found != self._digest:
            self._file.discard()
            raise DigestMismatch(f"the content that arrived has the digest {found}", self._digest)
        self._file.rename(self._final)
        explain.emit("digest", f"verified {found} ({self.offset} bytes)", size=self.offset)

    def __exit__(self, *_: object) -> None:
        self._file.close()

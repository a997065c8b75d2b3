"""Layers: from a blob to changes of a root filesystem.

A layer is a tar archive of what it adds and replaces; names that begin with
`.wh.` say what it deletes. In: the layer's blob, and the root filesystem as the
layers below left it. Out: the root filesystem with the changes applied.
Spec: image-spec, layer.md, "Applying Changesets" and "Whiteouts"; config.md, "Layer ChainID".
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from minicontainer import explain
from minicontainer.errors import DigestMismatch, ImageError, SizeMismatch
from minicontainer.lib.decompress import decompressed
from minicontainer.lib.directories import Place
from minicontainer.lib.tar import Stream, read_tar

from .blobs import is_intact
from .digest import Digester, algorithm_of, digest_of
from .layout import Layout, open_blob
from .spec import LAYER_TYPES, Descriptor
from .tree import RootFilesystem

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
_CHUNK = 1 << 18  # bytes


def chain_ids(diff_ids: Sequence[str]) -> list[str]:
    """For each layer, the identity of the stack that ends with it, the lowest first.

    A layer alone is the same in many images, but its place in a root filesystem
    depends on all that lies below. The lowest one's is its diff_id; each other
    one's is the sha256 digest of the text `CHAIN_ID_BELOW DIFF_ID`.
    Spec: image-spec, config.md, "Layer ChainID".
    """
    chain: list[str] = []
    for diff_id in diff_ids:
        chain.append(digest_of(f"{chain[-1]} {diff_id}".encode()) if chain else diff_id)
    return chain


def apply_layer(layer: Stream, root: RootFilesystem) -> None:
    """Apply the layer, an uncompressed tar archive, to the root filesystem.

    Entries are added in their order, so that the last one of a name wins. A name
    that begins with `.wh.` is no file: `etc/.wh.motd` removes `etc/motd`, and
    `etc/.wh..wh..opq` all that is in `etc`; other names in `.wh..wh.` mean nothing.
    Both act only on what lower layers brought, wherever in the layer they stand.

    Raises ImageError: for a damaged archive, for a whiteout of nothing, `.` or
    `..`, and for what RootFilesystem.add refuses; OSError if it can't be written.
    Spec: image-spec, layer.md, "Whiteouts" and "Opaque Whiteout".
    """
    added: set[Place] = set()
    for entry in read_tar(layer):
        directory, _, name = entry.name.rpartition("/")
        if name == OPAQUE:
            root.clear(directory, keep=added)
        elif name.startswith(WHITEOUT + WHITEOUT):
            continue  # notes that aufs, where whiteouts come from, made for itself
        elif name.startswith(WHITEOUT):
            hidden = name.removeprefix(WHITEOUT)
            if hidden in ("", ".", ".."):
                raise ImageError("a whiteout that names no file", entry.name)
            root.remove(f"{directory}/{hidden}", keep=added)
        else:
            added.add(root.add(entry))


class LayerReader:
    """The uncompressed content of a layer's blob; size and digests are computed as it is read."""

    def __init__(self, blob: BinaryIO, descriptor: Descriptor, algorithm: str) -> None:
        self._descriptor = descriptor
        self._blob = Digester(algorithm_of(descriptor["digest"]))
        self._content = Digester(algorithm)
        self._file = blob
        self._chunks = decompressed(self._compressed())

    def read(self, size: int) -> bytes:
        """The next bytes, about a quarter of a megabyte of them; none at the end."""
        for chunk in self._chunks:
            self._content.update(chunk)
            return chunk
        return b""

    def diff_id(self) -> str:
        """The digest of the uncompressed content, to the end of which this reads.

        Raises SizeMismatch and DigestMismatch if the blob is not the one that its
        descriptor names, and ImageError if it can't be decompressed.
        """
        while self.read(_CHUNK):
            pass
        for _ in self._compressed():
            pass
        found, wanted = self._blob.digest(), self._descriptor["digest"]
        if self._blob.size != self._descriptor["size"]:
            what = f"{self._blob.size} bytes, not {self._descriptor['size']}"
            raise SizeMismatch(what, wanted)
        if found != wanted:
            raise DigestMismatch(f"the layer has the digest {found}", wanted)
        diff_id = self._content.digest()
        explain.emit("digest", f"verified {wanted}, uncompressed {diff_id}")
        return diff_id

    def _compressed(self) -> Iterator[bytes]:
        while self._blob.size <= self._descriptor["size"] and (chunk := self._file.read(_CHUNK)):
            self._blob.update(chunk)
            yield chunk


@contextlib.contextmanager
def open_layer(
    layout: Layout, descriptor: Descriptor, algorithm: str = "sha256"
) -> Iterator[LayerReader]:
    """The layer that `descriptor` names, to be read uncompressed: `with open_layer(…) as layer`.

    `algorithm` is that of the diff_id which it will be compared with.
    Raises BlobMissing, and ImageError for a media type that is no layer's.
    """
    if descriptor["mediaType"] not in LAYER_TYPES:
        what = f"a layer of the media type {descriptor['mediaType']!r}, which is not supported"
        raise ImageError(what, descriptor["digest"])
    with open_blob(layout, descriptor["digest"]) as blob, damage_named(layout, descriptor):
        yield LayerReader(blob, descriptor, algorithm)


@contextlib.contextmanager
def damage_named(layout: Layout, descriptor: Descriptor) -> Iterator[None]:
    """Say of a failure in here that it came of a damaged blob, if the blob is damaged."""
    try:
        yield
    except ImageError as error:
        if is_intact(layout, descriptor):
            raise
        kind = SizeMismatch if isinstance(error, SizeMismatch) else DigestMismatch
        what = f"the stored layer is damaged: {error.what}"
        hint = "pull the image again: `minicontainer pull` fetches what is damaged"
        raise kind(what, descriptor["digest"], hint) from None

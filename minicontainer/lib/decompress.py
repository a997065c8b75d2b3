"""gzip, zstd or plain: a layer's bytes, decompressed chunk by chunk.

In: chunks of the blob. Out: chunks of at most a few hundred kilobytes, however
small the input that swells to them (a bomb fills the disk's quota, not memory).
The first bytes tell the format, as in all other tools, since media types lie.
Spec: image-spec, layer.md; RFC 1952 (gzip) and RFC 8878 (zstd).
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator
from typing import IO, cast

from minicontainer.errors import ImageError

#: bytes in a chunk of output, at most
CHUNK = 1 << 18
#: bytes of earlier output that a zstd frame may ask to be kept: what the tool takes unasked
_LARGEST_WINDOW = 1 << 27
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"  # after a byte 0x50 … 0x5f


def decompressed(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The uncompressed content of `chunks`. Raises ImageError if they are damaged or cut off."""
    first = b""
    while len(first) < len(_ZSTD) and (chunk := next(chunks, b"")):
        first += chunk
    chunks = itertools.chain([first] if first else [], chunks)
    if first.startswith(_GZIP):
        return _gunzip(chunks)
    if first.startswith(_ZSTD) or first[1:4] == _ZSTD_SKIPPABLE:
        return _unzstd(chunks)
    return chunks


def _gunzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """One or more gzip members, one after the other; zeros may lie between and behind them."""
    member = None
    for chunk in chunks:
        while chunk:
            if member is None:
                chunk = chunk.lstrip(b"\0")
                member = zlib.decompressobj(wbits=31) if chunk else None
                continue
            try:
                output = member.decompress(chunk, CHUNK)
            except zlib.error as error:
                raise ImageError(f"the layer's gzip data are damaged: {error}") from None
            if output:
                yield output
            chunk = member.unused_data if member.eof else member.unconsumed_tail
            member = None if member.eof else member
    if member is not None:
        raise ImageError("the layer's gzip data are cut off")


def _unzstd(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """One or more zstd frames, one after the other; a missing end shows in the diff_id only."""
    import zstandard

    decompressor = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW)
    source = cast(IO[bytes], _Readable(chunks))
    with decompressor.stream_reader(source, read_size=CHUNK, read_across_frames=True) as reader:
        try:
            while output := reader.read(CHUNK):
                yield output
        except zstandard.ZstdError as error:
            raise ImageError(f"the layer's zstd data are damaged: {error}") from None


class _Readable:
    """Chunks as a file, for zstandard: it asks for as many bytes as a chunk has."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def read(self, size: int) -> bytes:
        return next(self._chunks, b"")

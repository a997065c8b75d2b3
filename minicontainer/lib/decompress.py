"""gzip, zstd or plain: a layer's bytes, decompressed chunk by chunk.

In: chunks of the blob. Out: chunks of at most a few hundred kilobytes, however
small the input that swells to them (a bomb fills the disk's quota, not memory).
The first bytes tell the format, as in all other tools, since media types lie.
Spec: image-spec, layer.md; RFC 1952 (gzip) and RFC 8878 (zstd).
"""

from __future__ import annotations

import itertools
import sys
import zlib
from collections.abc import Iterator

from minicontainer.errors import ImageError

#: bytes in a chunk of output, at most
CHUNK = 1 << 18
#: how much earlier output a zstd frame may ask to be kept, 2^27 bytes: what the tool takes unasked
_LARGEST_WINDOW = 27
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
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _LARGEST_WINDOW}
    frame = zstd.ZstdDecompressor(options=options)
    for chunk in chunks:
        while chunk or not frame.needs_input:
            if frame.eof:
                frame = zstd.ZstdDecompressor(options=options)
            try:
                output = frame.decompress(chunk, CHUNK)
            except zstd.ZstdError as error:
                raise ImageError(f"the layer's zstd data are damaged: {error}") from None
            if output:
                yield output
            chunk = frame.unused_data

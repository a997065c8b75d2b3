"""What a layer is made of: reading a tar archive, entry by entry, from a stream.

In: anything with read(), which nobody has vouched for. Out: entries, with clean
names, whose content is read as it is asked for. Whatever the bytes are, nothing
but ImageError is raised, and memory stays small.
Spec: POSIX pax, "ustar Interchange Format" and "pax Header Block"; GNU tar,
"Basic Tar Format"; image-spec, layer.md.
"""

from __future__ import annotations

import os
import posixpath
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from minicontainer.errors import ImageError

from .pax import LARGEST_NUMBER, Extents, Records, decimal, pax_records, sparse_extents

BLOCK = 512
#: bytes of the PAX records, or of the long name, of one entry
LARGEST_EXTENSION = 1 << 20
_CHUNK = 1 << 18
_LARGEST_ID = 2**32 - 2
#: bytes; the kernel takes no longer path
_LONGEST_NAME = 4096
_XATTR = b"SCHILY.xattr."

_CUT_OFF = "the layer ends in the middle of an entry"

FILE, HARD_LINK, SYMLINK, CHARACTER_DEVICE, BLOCK_DEVICE, DIRECTORY, FIFO = "0123456"
_HEADER = struct.Struct("100s 8s 8s 8s 12s 12s 8s c 100s 8s 32s 32s 8s 8s 155s 12x")
_TYPES = {kind.encode(): kind for kind in "0123456"} | {b"\0": FILE, b"7": FILE}
_LONG = {b"L": b"path", b"K": b"linkpath"}
#: what makes sense for many entries at once
_GLOBAL = (b"uid", b"gid", b"mtime")


class Stream(Protocol):
    """What a layer is read from."""

    def read(self, size: int, /) -> bytes | memoryview:
        """At most `size` bytes; fewer, but not none, before the end."""


@dataclass(slots=True)
class Entry:
    """One entry of a layer.

    `name` is relative to the root, without `..`; the root itself is `.`.
    `link` is the target: for a hard link a name like `name`, for a symbolic link
    whatever stands there. `mtime` is in nanoseconds since 1970.
    """

    name: str
    type: str
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime: int = 0
    link: str = ""
    device: tuple[int, int] = (0, 0)
    xattrs: dict[str, bytes] = field(default_factory=dict)
    _content: Iterable[tuple[int, bytes | memoryview]] = field(default_factory=tuple)

    def content(self) -> Iterator[tuple[int, bytes | memoryview]]:
        """The content, once: pieces and their offsets; what lies between is zero.

        Each piece is valid until the next one is asked for.
        """
        return iter(self._content)


def read_tar(stream: Stream) -> Iterator[Entry]:
    """The entries of the tar archive in `stream`, in its order.

    An entry's content must be read, if at all, before the next entry is asked for.
    The archive ends with two blocks of zeros or with the stream.

    Raises ImageError for what is truncated, damaged or not supported.
    """
    source = _Source(stream)
    everywhere: Records = {}  # from global headers: for all entries that follow
    long: Records = {}  # GNU's long names, and pax records: for the next entry
    records: Records = {}
    while (header := source.header()) is not None:
        kind = header[7]
        if kind == b"g":
            found = pax_records(source.extension(header))
            everywhere.update({name: found[name] for name in _GLOBAL if name in found})
        elif kind == b"x":
            records = pax_records(source.extension(header))
        elif kind in _LONG:
            long[_LONG[kind]] = source.extension(header).rstrip(b"\0")
        else:
            yield _entry(source, header, {**everywhere, **long, **records})
            source.skip()
            long, records = {}, {}
    if long or records:
        raise ImageError(_CUT_OFF)


def _entry(source: _Source, header: tuple, records: Records) -> Entry:
    """The entry that `header` describes, with `records` overriding it."""
    name, mode, uid, gid, size, mtime, _, kind, link, magic, *_, major, minor, prefix = header
    if kind not in _TYPES:
        known = {b"S": "a sparse file in GNU tar's old format", b"V": "a volume label"}
        what = known.get(kind, f"an entry of the unknown type {kind!r}")
        raise ImageError(f"the layer has {what}, which is not supported")
    if magic.startswith(b"ustar\0") and prefix[0]:
        name = _until_nul(prefix) + b"/" + _until_nul(name)
    entry = Entry("", _TYPES[kind])
    entry.mode = _number(mode, "mode") & 0o7777
    entry.uid = _number_in(records, b"uid", uid, _LARGEST_ID)
    entry.gid = _number_in(records, b"gid", gid, _LARGEST_ID)
    entry.mtime = _mtime_in(records, mtime)
    entry.xattrs = _xattrs_in(records) if records else {}
    raw_name = records.get(b"GNU.sparse.name") or records.get(b"path") or _until_nul(name)
    if entry.type == FILE and raw_name.endswith(b"/"):  # how tar from before 1988 marks directories
        entry.type = DIRECTORY
    entry.name = clean_name(_text_of(raw_name))
    if entry.type == FILE:
        _begin_content(entry, source, size, records)
    elif entry.type in (HARD_LINK, SYMLINK):
        entry.link = _text_of(records.get(b"linkpath") or _until_nul(link))
        entry.link = clean_name(entry.link) if entry.type == HARD_LINK else entry.link
    elif entry.type in (CHARACTER_DEVICE, BLOCK_DEVICE):
        entry.device = (_number(major, "major", 0xFFF), _number(minor, "minor", 0xFFFFF))
    return entry


def _begin_content(entry: Entry, source: _Source, size: bytes, records: Records) -> None:
    source.begin(_number_in(records, b"size", size, LARGEST_NUMBER))
    entry.size, extents = sparse_extents(records, source) if records else (source.left, None)
    entry._content = source.content([(0, entry.size)] if extents is None else extents)


class _Source:
    """The stream, cut into blocks; `left` bytes of the present entry are not read yet."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._buffer = memoryview(b"")
        self._at = 0
        self.left = 0
        self._padding = 0

    def header(self) -> tuple | None:
        """The fields of the next header; None at the end of the archive."""
        if not self._fill():
            return None  # no marker, as some tools leave it
        block = self.take(BLOCK)
        if block.count(0) == BLOCK:
            if self._fill() and any(self.take(BLOCK)):
                raise ImageError("damaged tar archive: a block of zeros between entries")
            return None
        fields = _HEADER.unpack(block)
        _verify_checksum(block, fields[6])
        return fields

    def extension(self, header: tuple) -> bytes:
        """The content of an entry that describes the next one."""
        size = _number(header[4], "size of an extension", LARGEST_EXTENSION)
        content = self.take(size)
        self.take(-size % BLOCK)
        return content

    def begin(self, size: int) -> None:
        """The next `size` bytes, and the padding behind them, are an entry's content."""
        self.left, self._padding = size, -size % BLOCK

    def content(self, extents: Extents) -> Iterator[tuple[int, memoryview]]:
        """The entry's content, which belongs at `extents`: each an offset and a length."""
        for offset, length in extents:
            end = offset + length
            while offset < end:
                piece = self.piece(end - offset)
                yield offset, piece
                offset += len(piece)

    def piece(self, most: int) -> memoryview:
        """At most `most`, at least one byte of the entry's content."""
        if not self._fill():
            raise ImageError(_CUT_OFF)
        piece = self._buffer[self._at : self._at + min(most, self.left)]
        self._at += len(piece)
        self.left -= len(piece)
        return piece

    def skip(self) -> None:
        """To the next header, past the content that nobody has read."""
        while self.left:
            self.piece(self.left)
        self.take(self._padding)
        self._padding = 0

    def take(self, size: int) -> bytes:
        """Exactly `size` bytes."""
        content = bytes(self._buffer[self._at : self._at + size])
        self._at += len(content)
        while len(content) < size:
            if not self._fill():
                raise ImageError(_CUT_OFF)
            content += self.take(min(size - len(content), len(self._buffer)))
        return content

    def _fill(self) -> bool:
        """Have at least one byte in the buffer; False at the end of the stream."""
        if self._at == len(self._buffer):
            self._buffer = memoryview(self._stream.read(_CHUNK))
            self._at = 0
        return len(self._buffer) > 0


def clean_name(name: str) -> str:
    """`name` relative to the root, without `.`, `..` and double slashes; the root itself is `.`."""
    return posixpath.normpath("/" + name.lstrip("/"))[1:] or "."


def _verify_checksum(block: bytes, stored: bytes) -> None:
    """The sum of the header's bytes, with the checksum itself taken as eight spaces."""
    checksum = _number(stored, "checksum")
    unsigned = sum(block) - sum(stored) + 8 * ord(" ")
    if checksum != unsigned:
        signed = unsigned - 256 * sum(byte > 127 for byte in block[:148] + block[156:])
        if checksum != signed:  # as some old programs counted
            raise ImageError("damaged tar archive: a header has a wrong checksum")


def _number(field: bytes, what: str, largest: int = LARGEST_NUMBER, least: int = 0) -> int:
    """A number in octal digits, or, if the first bit is set, in binary (GNU's base-256)."""
    if field[0] & 0x80:
        bits = 8 * len(field) - 1
        value = int.from_bytes(field, "big") & ((1 << bits) - 1)
        if value >> (bits - 1):
            value -= 1 << bits
    else:
        digits = _until_nul(field.lstrip(b" \0")).strip()
        if digits.strip(b"01234567"):
            raise ImageError(f"damaged tar archive: the {what} is no octal number")
        value = int(digits or b"0", 8)
    if not least <= value <= largest:
        raise ImageError(f"damaged tar archive: {what} {value} is out of range")
    return value


def _number_in(records: Records, keyword: bytes, field: bytes, largest: int) -> int:
    """The decimal number that `records` give for `keyword`, else the one in the header's field."""
    text = records.get(keyword)
    if not text:
        return _number(field, keyword.decode(), largest)
    return decimal(text, f"{keyword.decode()} is", largest)


def _mtime_in(records: Records, field: bytes) -> int:
    """The time of the last change, in nanoseconds; pax has decimals: `1700000000.123456789`."""
    text = records.get(b"mtime")
    if not text:
        return _number(field, "mtime", least=-LARGEST_NUMBER) * 1_000_000_000
    whole, _, decimals = text.removeprefix(b"-").partition(b".")
    if not (whole + decimals).isdigit() or len(whole) > 18 or not whole:
        raise ImageError(f"damaged tar archive: mtime is {text[:40]!r}")
    value = int(whole) * 1_000_000_000 + int(decimals[:9].ljust(9, b"0"))
    return -value if text.startswith(b"-") else value


def _xattrs_in(records: Records) -> dict[str, bytes]:
    """The extended attributes, which star and all after it keep in pax records."""
    return {
        _text_of(keyword.removeprefix(_XATTR)): value
        for keyword, value in records.items()
        if value and keyword.startswith(_XATTR)
    }


def _until_nul(field: bytes) -> bytes:
    """A field's text: it ends with the first NUL, or with the field."""
    return field.partition(b"\0")[0]


def _text_of(raw: bytes) -> str:
    """A name as Python keeps names of files, bytes that are no UTF-8 included."""
    if b"\0" in raw or len(raw) > _LONGEST_NAME:
        raise ImageError(f"an entry has an impossible name: {raw[:60]!r}")
    try:
        return os.fsdecode(raw)
    except UnicodeDecodeError:  # only Windows can't keep them
        raise ImageError(f"an entry has a name that is no UTF-8: {raw[:60]!r}") from None

"""What pax headers add to a tar archive: records that override a header; and sparse files.

In: bytes that nobody has vouched for. Out: keywords and values; and, where the
records say that only the parts of a file that are not zero are stored, its real
size and where those belong. GNU's formats 0.1 and 1.0 are understood, which GNU
tar and Go write today; the older ones are refused.
Spec: POSIX pax, "pax Extended Header"; GNU tar manual, "Storing Sparse Files".
"""

from __future__ import annotations

from typing import Protocol

from minicontainer.errors import ImageError

Records = dict[bytes, bytes]
#: the stored parts of a file: offset and length in bytes, in order
Extents = list[tuple[int, int]]

_MOST_EXTENTS = 1 << 16
LARGEST_NUMBER = 2**63 - 1
_MAP = "a sparse file's map has"


def pax_records(content: bytes) -> Records:
    """The records of a pax header, each `LENGTH KEYWORD=VALUE\\n` with the length of the record."""
    records: Records = {}
    at = 0
    while at < len(content):
        space = content.find(b" ", at, at + 20)
        length = content[at : max(space, at)]
        end = at + int(length) if length.isdigit() else 0
        record = content[space + 1 : end]
        if not space < end <= len(content) or not record.endswith(b"\n") or b"=" not in record:
            raise ImageError("damaged tar archive: a pax record is malformed")
        keyword, _, value = record[:-1].partition(b"=")
        records[keyword] = value
        at = end
    return records


class _Content(Protocol):
    left: int

    def piece(self, most: int, /) -> memoryview: ...


def sparse_extents(records: dict[bytes, bytes], content: _Content) -> tuple[int, Extents | None]:
    """The real size of the entry, and its stored parts if it is sparse (else None).

    Takes the map from the beginning of `content` where the format keeps it there.
    Raises ImageError.
    """
    version = records.get(b"GNU.sparse.major"), records.get(b"GNU.sparse.minor")
    if version == (b"1", b"0"):
        size = decimal(records.get(b"GNU.sparse.realsize", b""), _MAP)
        numbers = _map_in_content(content)
    elif b"GNU.sparse.map" in records:
        size = decimal(records.get(b"GNU.sparse.size", b""), _MAP)
        fields = records[b"GNU.sparse.map"].split(b",", 2 * _MOST_EXTENTS)
        numbers = [decimal(one, _MAP) for one in fields]
    elif any(name.startswith(b"GNU.sparse.") for name in records):
        raise ImageError("a sparse file in a format of GNU tar's that is not supported")
    else:
        return content.left, None
    extents = list(zip(numbers[::2], numbers[1::2], strict=False))
    _check(extents, len(numbers), size, content.left)
    return size, extents


def _map_in_content(content: _Content) -> list[int]:
    """Format 1.0: the count, then each number on a line of its own, padded to whole blocks."""
    lines: list[bytes] = []
    rest, wanted = b"", 1
    while len(lines) < wanted:
        if content.left < 512 or len(rest) > 512:
            raise ImageError("damaged tar archive: the map of a sparse file is cut off")
        *complete, rest = (rest + _block(content)).split(b"\n")
        lines.extend(complete)
        if lines and wanted == 1:
            wanted += 2 * decimal(lines[0], _MAP, _MOST_EXTENTS)
    return [decimal(line, _MAP) for line in lines[1:wanted]]


def _block(content: _Content) -> bytes:
    block = b""
    while len(block) < 512:
        block += content.piece(512 - len(block))
    return block


def decimal(text: bytes, what: str, largest: int = LARGEST_NUMBER) -> int:
    """The decimal number `text`. Raises ImageError that names `what` it should be."""
    if not text.isdigit() or len(text) > 20 or int(text) > largest:
        raise ImageError(f"damaged tar archive: {what} {text[:40]!r}")
    return int(text)


def _check(extents: Extents, numbers: int, size: int, stored: int) -> None:
    """Parts in order, without overlap, inside the file, and as much as is stored."""
    end = 0
    for offset, length in extents:
        if offset < end:
            raise ImageError("damaged tar archive: parts of a sparse file overlap")
        end = offset + length
    if numbers % 2 or end > size or sum(length for _, length in extents) != stored:
        raise ImageError("damaged tar archive: the map of a sparse file does not fit its content")

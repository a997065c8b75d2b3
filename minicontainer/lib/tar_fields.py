"""The fields of a tar header and of the pax records that override them.

In: bytes that nobody has vouched for. Out: numbers, names, times, attributes.
Spec: POSIX pax, "ustar Interchange Format" and "pax Extended Header"; GNU tar,
"Basic Tar Format" (base-256 numbers).
"""

from __future__ import annotations

import os

from minicontainer.errors import ImageError

#: bytes; the kernel takes no longer path
LONGEST_NAME = 4096
LARGEST_NUMBER = 2**63 - 1
_XATTR = b"SCHILY.xattr."

Records = dict[bytes, bytes]


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


def verify_checksum(block: bytes, stored: bytes) -> None:
    """The sum of the header's bytes, with the checksum itself taken as eight spaces."""
    checksum = number(stored, "checksum")
    unsigned = sum(block) - sum(stored) + 8 * ord(" ")
    if checksum != unsigned:
        signed = unsigned - 256 * sum(byte > 127 for byte in block[:148] + block[156:])
        if checksum != signed:  # as some old programs counted
            raise ImageError("damaged tar archive: a header has a wrong checksum")


def number(field: bytes, what: str, largest: int = LARGEST_NUMBER, least: int = 0) -> int:
    """A number in octal digits, or, if the first bit is set, in binary (GNU's base-256)."""
    if field[0] & 0x80:
        bits = 8 * len(field) - 1
        value = int.from_bytes(field, "big") & ((1 << bits) - 1)
        if value >> (bits - 1):
            value -= 1 << bits
    else:
        digits = until_nul(field.lstrip(b" \0")).strip()
        if digits.strip(b"01234567"):
            raise ImageError(f"damaged tar archive: the {what} is no octal number")
        value = int(digits or b"0", 8)
    if not least <= value <= largest:
        raise ImageError(f"damaged tar archive: {what} {value} is out of range")
    return value


def number_in(records: Records, keyword: bytes, field: bytes, largest: int) -> int:
    """The decimal number that `records` give for `keyword`, else the one in the header's field."""
    text = records.get(keyword)
    if not text:
        return number(field, keyword.decode(), largest)
    if not text.isdigit() or len(text) > 20 or int(text) > largest:
        raise ImageError(f"damaged tar archive: {keyword.decode()} is {text[:40]!r}")
    return int(text)


def mtime_in(records: Records, field: bytes) -> int:
    """The time of the last change, in nanoseconds; pax has decimals: `1700000000.123456789`."""
    text = records.get(b"mtime")
    if not text:
        return number(field, "mtime", least=-LARGEST_NUMBER) * 1_000_000_000
    whole, _, decimals = text.removeprefix(b"-").partition(b".")
    if not (whole + decimals).isdigit() or len(whole) > 18 or not whole:
        raise ImageError(f"damaged tar archive: mtime is {text[:40]!r}")
    value = int(whole) * 1_000_000_000 + int(decimals[:9].ljust(9, b"0"))
    return -value if text.startswith(b"-") else value


def xattrs_in(records: Records) -> dict[str, bytes]:
    """The extended attributes, which star and all after it keep in pax records."""
    return {
        text_of(keyword.removeprefix(_XATTR)): value
        for keyword, value in records.items()
        if value and keyword.startswith(_XATTR)
    }


def until_nul(field: bytes) -> bytes:
    """A field's text: it ends with the first NUL, or with the field."""
    return field.partition(b"\0")[0]


def text_of(raw: bytes) -> str:
    """A name as Python keeps names of files, bytes that are no UTF-8 included."""
    if b"\0" in raw or len(raw) > LONGEST_NAME:
        raise ImageError(f"an entry has an impossible name: {raw[:60]!r}")
    try:
        return os.fsdecode(raw)
    except UnicodeDecodeError:  # only Windows can't keep them
        raise ImageError(f"an entry has a name that is no UTF-8: {raw[:60]!r}") from None

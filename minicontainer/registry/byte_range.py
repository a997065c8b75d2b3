"""Which bytes does `Range: bytes=…` ask for?

In: the header and the size of the whole. Out: offset and length.
RFC 9110, section 14.1.2.
"""

from __future__ import annotations

import re

RANGE = re.compile(r"bytes=\s*(\d{0,19})-(\d{0,19})\s*", re.ASCII)


class RangeNotSatisfiable(Exception):
    """The range starts behind the end."""


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """Offset and length of the one range in `header`, within `size` bytes.

    None, which means the whole, for what a server may leave out of account:
    other units, several ranges, nonsense. Raises RangeNotSatisfiable.
    """
    match = RANGE.fullmatch(header)
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        first, last = max(0, size - int(match[2])), size - 1
    else:
        first = int(match[1])
        last = min(int(match[2]), size - 1) if match[2] else size - 1
        if match[2] and int(match[2]) < first:
            return None
    if first >= size or last < first:
        raise RangeNotSatisfiable(f"the blob has {size} bytes")
    return first, last - first + 1

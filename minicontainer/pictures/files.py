"""What does a layer put into the root filesystem? Its entries, as `ls -l` would show them.

In: a blob on this machine. Out: text, bounded: a layer may hold a million
files, or unpack to terabytes. image-spec, layer.md, "Whiteouts".
"""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from minicontainer.errors import MinicontainerError
from minicontainer.lib.decompress import decompressed
from minicontainer.lib.tar import HARD_LINK, SYMLINK, Entry, read_tar
from minicontainer.step03_image.layers import OPAQUE, WHITEOUT

from .text import readable

#: entries to list, and seconds to spend on one layer.
MOST_FILES, LONGEST = 400, 0.5
_CHUNK = 1 << 16
_TYPES = {"0": "-", "1": "-", "2": "l", "3": "c", "4": "b", "5": "d", "6": "p"}


def list_files(blob: Path) -> str:
    """The layer's entries in its order, one a line; where the list stops early, it says so."""
    lines: list[str] = []
    deadline = time.monotonic() + LONGEST
    try:
        with blob.open("rb") as file:
            for entry in read_tar(_Content(file)):
                if len(lines) >= MOST_FILES or time.monotonic() > deadline:
                    lines.append("… and more")
                    break
                lines.append(_line(entry))
    except (MinicontainerError, OSError) as error:
        lines.append(f"! this layer can't be read further: {error}")
    return "\n".join(lines) or "an empty layer"


class _Content:
    """The uncompressed content of a layer's blob, to read from."""

    def __init__(self, file: BinaryIO) -> None:
        self._chunks = decompressed(iter(lambda: file.read(_CHUNK), b""))

    def read(self, size: int, /) -> bytes:
        return next(self._chunks, b"")


def _line(entry: Entry) -> str:
    mode = _TYPES.get(entry.type, "?") + stat.filemode(entry.mode)[1:]
    owner = f"{entry.uid}:{entry.gid}"
    note = "".join(_notes(entry))
    return f"{mode} {owner:>11} {entry.size:>10} {readable(entry.name, 200)}{note}"


def _notes(entry: Entry) -> Iterator[str]:
    name = entry.name.rpartition("/")[2]
    if entry.type == SYMLINK:
        yield f" -> {readable(entry.link, 120)}"
    if entry.type == HARD_LINK:
        yield f" = {readable(entry.link, 120)}"
    if name == OPAQUE:
        yield "   (hides all that lower layers have in this directory)"
    elif name.startswith(WHITEOUT):
        yield f"   (deletes {readable(name.removeprefix(WHITEOUT), 60)})"

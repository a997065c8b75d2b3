"""ELF files for the checks and the page of lab 01: they name what they need, and hold no code.

In: a loader's path, names of libraries, a directory to look in. Out: a 64-bit
x86-64 file that says just that, on any machine. Standard library only, and
nothing here calls an exercise. Source: elf(5).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

_HEADER, _SEGMENT = 64, 56
_LOADED_AT = 0x400000
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NEEDED, _DT_STRTAB, _DT_STRSZ, _DT_RUNPATH = 1, 5, 10, 29


def make_elf(path: Path, needed: Sequence[str] = (), loader: str = "", runpath: str = "") -> str:
    """Write an executable file that needs these; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(elf(needed, loader, runpath))
    path.chmod(0o755)
    return str(path)


def elf(needed: Sequence[str], loader: str, runpath: str) -> bytes:
    """Header, three program headers, the dynamic table, its strings, the loader's name."""
    names, tags = b"\0", []
    for tag, text in [*((_DT_NEEDED, name) for name in needed), (_DT_RUNPATH, runpath)]:
        if text:
            tags.append((tag, len(names)))
            names += text.encode() + b"\0"
    table = _HEADER + 3 * _SEGMENT
    strings = table + 16 * (len(tags) + 3)
    tags += [(_DT_STRTAB, _LOADED_AT + strings), (_DT_STRSZ, len(names)), (0, 0)]
    interpreter = loader.encode() + b"\0"
    end = strings + len(names) + len(interpreter)
    segments = _segment(_PT_LOAD, 0, end) + _segment(_PT_DYNAMIC, table, strings - table)
    segments += _segment(_PT_INTERP if loader else 0, end - len(interpreter), len(interpreter))
    dynamic = b"".join(struct.pack("<QQ", *tag) for tag in tags)
    return _header() + segments + dynamic + names + interpreter


def _header() -> bytes:
    shared_object, x86_64 = 3, 62
    facts = (shared_object, x86_64, 1, 0, _HEADER, 0, 0, _HEADER, _SEGMENT, 3, 0, 0, 0)
    return b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", *facts)


def _segment(kind: int, offset: int, size: int) -> bytes:
    address = _LOADED_AT + offset
    return struct.pack("<IIQQQQQQ", kind, 4, offset, address, address, size, size, 1)

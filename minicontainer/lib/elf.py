"""What does an ELF file say about the files that it needs beside itself?

In: a path. Out: an `Elf`, with the names as they are written; ldso.py knows
where files of these names are. Foreign programs are read, never run (`ldd` runs
them), and a hostile one can neither mislead nor busy us.
Sources: elf(5), ld.so(8).
"""

from __future__ import annotations

import io
import os
import stat
from typing import Any, NamedTuple

from minicontainer.errors import MinicontainerError


class ElfError(MinicontainerError):
    """A file is no ELF program that we can read, or a file that it needs is missing."""


class Kind(NamedTuple):
    """What a library must have in common with the program that needs it."""

    bits: int  # 32 or 64
    little_endian: bool
    machine: str  # EM_X86_64, EM_AARCH64, …


class Elf(NamedTuple):
    """What an ELF file says about the files it needs."""

    path: str
    kind: Kind
    interpreter: str  # PT_INTERP: the loader, or ""
    needed: list[str]  # DT_NEEDED
    rpath: str  # DT_RPATH: directories, with ":" between them
    runpath: str  # DT_RUNPATH, likewise
    needed_by: Elf | None


def read_elf(path: str, needed_by: Elf | None = None) -> Elf:
    """Read the ELF file at `path`; `needed_by` is kept for the search of its libraries.

    Raises ElfError: it cannot be opened, is a script or no ELF, or is damaged.
    Source: elf(5), "Program header (Phdr)" and "Dynamic tags (Dyn)".
    """
    try:
        with _open(path) as stream:
            start = stream.read(4)
            if start[:2] == b"#!":
                raise ElfError("is a script, not an ELF program", path, "ask for its interpreter")
            if start != b"\x7fELF":
                raise ElfError("is not an ELF program", path, "give a compiled program")
            return _parse(path, stream, needed_by)
    except OSError as problem:
        raise ElfError(problem.strerror or "cannot be read", path) from None
    except MinicontainerError:
        raise
    except Exception as problem:  # on odd bytes pyelftools raises whatever its parts raise
        raise ElfError("is a damaged ELF file", path, str(problem)[:100]) from None


def kind_of(path: str) -> Kind | None:
    """The kind of the ELF file at `path`; None if there is none."""
    try:
        with _open(path) as stream:
            return _kind(_file(stream))
    except Exception:  # the loader passes over what is no library for this machine
        return None


class _Bounded(io.BufferedReader):
    """An open file of which only so much is read: pyelftools reads numbers, and strings in bits."""

    left = 1 << 16

    def read(self, size: int | None = -1) -> bytes:
        """As any file's; ValueError when it has been too often."""
        self.left -= 1
        if self.left < 0:
            raise ValueError("it claims endless tables")
        return super().read(size)


def _open(path: str) -> _Bounded:
    """Open `path` for reading, without waiting as the opening of a FIFO would."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError:
        raise ElfError("has a name that no file can have", repr(path)) from None
    stream = _Bounded(io.FileIO(fd))
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        stream.close()
        raise ElfError("is not a file", path, "give a compiled program")
    return stream


def _file(stream: _Bounded) -> Any:
    from elftools.elf.elffile import ELFFile  # 40 ms to import: only when needed

    return ELFFile(stream)


def _kind(elf: Any) -> Kind:
    return Kind(elf.elfclass, elf.little_endian, str(elf.header.e_machine))


def _parse(path: str, stream: _Bounded, needed_by: Elf | None) -> Elf:
    elf = _file(stream)
    if elf.header.e_phnum and elf.header.e_phentsize != elf.structs.Elf_Phdr.sizeof():
        raise ValueError("its program headers have a wrong size")
    elf.header["e_shoff"] = 0  # the loader does not look at sections either
    interpreter = ""
    names: dict[str, list[str]] = {"DT_NEEDED": [], "DT_RPATH": [], "DT_RUNPATH": []}
    for segment in elf.iter_segments():
        if segment.header.p_type == "PT_INTERP":
            interpreter = segment.get_interp_name()
        elif segment.header.p_type == "PT_DYNAMIC":
            for tag in segment.iter_tags():
                if tag.entry.d_tag in names:
                    names[tag.entry.d_tag].append(getattr(tag, tag.entry.d_tag[3:].lower()))
    rpath, runpath = (":".join(names[tag]) for tag in ("DT_RPATH", "DT_RUNPATH"))
    return Elf(path, _kind(elf), interpreter, names["DT_NEEDED"], rpath, runpath, needed_by)

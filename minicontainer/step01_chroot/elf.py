"""Why does /bin/sh say "No such file or directory" when it is right there?

Because the kernel starts another file first: the loader that the program names
in its PT_INTERP segment. The loader then looks for the libraries named by
DT_NEEDED. `libraries_of` reads these names out of the ELF file and finds the
files as ld.so(8) would; foreign programs are read, never run (`ldd` runs them).
In: a program's path. Out: the paths that it needs beside itself.
Sources: elf(5), ld.so(8).
"""

from __future__ import annotations

import os
import stat
from collections import deque
from typing import Any, BinaryIO, NamedTuple

from minicontainer.errors import MinicontainerError
from minicontainer.lib.ldso import expand, is_inside_loader, search_directories

#: more than any honest program has; a hostile one must not keep us busy
_MOST_SEGMENTS, _MOST_TAGS, _LONGEST_STRING, _LARGEST_TABLE = 256, 4096, 16384, 1 << 24


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
    rpath: list[str]  # the directories of DT_RPATH
    runpath: list[str]  # the directories of DT_RUNPATH
    needed_by: Elf | None


def libraries_of(program: str) -> list[str]:
    """The files that `program` needs beside itself: its loader first, then its libraries.

    Breadth first, as the loader goes, and each file once; each library under the
    path at which the loader finds it, which may be a symbolic link. A library that
    asks for the loader by its bare name gets the one that runs already. A static
    program needs nothing: []. LD_LIBRARY_PATH and glibc-hwcaps are ignored.

    Raises ElfError: not an ELF program, damaged, or a needed file is not here.
    Source: ld.so(8), "DESCRIPTION".
    """
    main = read_elf(program)
    found: dict[str, str] = {}
    if main.interpreter:
        # libc needs the loader too, by its bare name; it is in memory already.
        found[os.path.basename(main.interpreter)] = find_library(main.interpreter, main)
    pending = deque([main])
    while pending:
        needy = pending.popleft()
        for name in needy.needed:
            if name not in found and not is_inside_loader(name, main.interpreter):
                found[name] = find_library(name, needy)
                pending.append(read_elf(found[name], needed_by=needy))
    return list(found.values())


def find_library(name: str, needy: Elf) -> str:
    """The path of the library `name` that `needy` asks for.

    A name with a slash is a path. Else the first directory wins that has a file
    of this name for the same machine; files for other machines are passed over.

    Raises ElfError when there is none. Source: ld.so(8), "DESCRIPTION".
    """
    candidates = [name] if "/" in name else [f"{d}/{name}" for d in search_directories(needy)]
    for candidate in candidates:
        if _kind_of(candidate) == needy.kind:
            return candidate
    what = f"needs {name}, and there is no such file here for {needy.kind.machine}"
    raise ElfError(what, needy.path, "install the package that holds it, or take another program")


def read_elf(path: str, needed_by: Elf | None = None) -> Elf:
    """Read the ELF file at `path`; `needed_by` is kept for the search of its libraries.

    Raises ElfError: it cannot be opened, is a script or no ELF, or is damaged.
    Source: elf(5), "Program header (Phdr)" and "Dynamic tags (Dyn)".
    """
    try:
        with _open_regular(path) as stream:
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


def _open_regular(path: str) -> BinaryIO:
    """Open `path` for reading, without waiting as the opening of a FIFO would."""
    try:
        stream = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    except ValueError:
        raise ElfError("has a name that no file can have", repr(path)) from None
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise ElfError("is not a file", path, "give a compiled program")
    return stream


def _kind_of(path: str) -> Kind | None:
    """The kind of the ELF file at `path`; None if there is none."""
    from elftools.elf.elffile import ELFFile

    try:
        with _open_regular(path) as stream:
            return _kind(ELFFile(stream))
    except Exception:  # the loader passes over what is no library for this machine
        return None


def _kind(elf: Any) -> Kind:
    return Kind(elf.elfclass, elf.little_endian, str(elf.header.e_machine))


def _parse(path: str, stream: BinaryIO, needed_by: Elf | None) -> Elf:
    # pyelftools knows the structures; we walk them ourselves, with bounds.
    from elftools.common.utils import struct_parse  # 40 ms to import: only when needed
    from elftools.elf.elffile import ELFFile

    elf = ELFFile(stream)
    first, size = elf.header.e_phoff, elf.structs.Elf_Phdr.sizeof()
    if elf.header.e_phnum and elf.header.e_phentsize != size:
        raise ValueError("its program headers have a wrong size")
    segments = [
        struct_parse(elf.structs.Elf_Phdr, stream, first + number * size)
        for number in range(min(elf.header.e_phnum, _MOST_SEGMENTS))
    ]
    interpreter = "".join(
        _string(_read_at(stream, segment.p_offset, segment.p_filesz), 0)
        for segment in segments
        if segment.p_type == "PT_INTERP"
    )
    dynamic = _dynamic_strings(elf.structs.Elf_Dyn, stream, segments)
    # $ORIGIN of the program itself comes from /proc/self/exe, with links resolved.
    origin = os.path.dirname(os.path.abspath(path) if needed_by else os.path.realpath(path))
    kind = _kind(elf)
    rpath, runpath = (
        expand(":".join(dynamic[tag]), origin, kind) for tag in ("DT_RPATH", "DT_RUNPATH")
    )
    return Elf(path, kind, interpreter, dynamic["DT_NEEDED"], rpath, runpath, needed_by)


def _dynamic_strings(entry: Any, stream: BinaryIO, segments: list[Any]) -> dict[str, list[str]]:
    """The strings of the tags that name files; `entry` is the layout of one Elf_Dyn."""
    offsets: dict[str, list[int]] = {
        tag: [] for tag in ("DT_NEEDED", "DT_RPATH", "DT_RUNPATH", "DT_STRTAB", "DT_STRSZ")
    }
    for segment in segments:
        if segment.p_type == "PT_DYNAMIC":
            table = _read_at(stream, segment.p_offset, segment.p_filesz)
            for at in range(0, min(len(table), _MOST_TAGS * entry.sizeof()), entry.sizeof()):
                tag = entry.parse(table[at:])
                if tag.d_tag == "DT_NULL":
                    break
                if tag.d_tag in offsets:
                    offsets[tag.d_tag].append(tag.d_val)
    address, length = offsets.pop("DT_STRTAB"), offsets.pop("DT_STRSZ")
    if not any(offsets.values()):
        return {tag: [] for tag in offsets}
    strings = _read_at(stream, _file_offset(address[0], segments), length[0])
    return {tag: [_string(strings, at) for at in found] for tag, found in offsets.items()}


def _file_offset(address: int, segments: list[Any]) -> int:
    """Where in the file the byte is that is loaded at `address`."""
    for segment in segments:
        behind = address - segment.p_vaddr
        if segment.p_type == "PT_LOAD" and 0 <= behind < segment.p_filesz:
            return segment.p_offset + behind
    raise ValueError(f"no segment is loaded at address {address:#x}")


def _read_at(stream: BinaryIO, offset: int, size: int) -> bytes:
    stream.seek(offset)
    return stream.read(min(size, _LARGEST_TABLE))


def _string(table: bytes, offset: int) -> str:
    end = table.index(b"\0", offset, offset + _LONGEST_STRING)
    return os.fsdecode(table[offset:end])

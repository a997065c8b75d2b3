"""Makes ELF files that need what we say: for machines, loaders and search paths not at hand."""

import struct
from pathlib import Path

X86_64, AARCH64, I386, S390 = 62, 183, 3, 22
_DT_NEEDED, _DT_STRTAB, _DT_STRSZ, _DT_RPATH, _DT_RUNPATH = 1, 5, 10, 15, 29


def make_elf(path: Path, interpreter="", needed=(), rpath="", runpath="", **kind) -> str:
    """Write an ELF file that has these strings in it; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(elf_bytes(interpreter, needed, rpath, runpath, **kind))
    path.chmod(0o755)
    return str(path)


def elf_bytes(
    interpreter="", needed=(), rpath="", runpath="", *, machine=X86_64, bits=64, little=True
) -> bytes:
    """elf(5): header, three program headers, the dynamic table, the strings, the loader's name."""
    names, tags = b"\0", []
    for tag, texts in ((_DT_NEEDED, needed), (_DT_RPATH, [rpath]), (_DT_RUNPATH, [runpath])):
        for text in filter(None, texts):
            tags.append((tag, len(names)))
            names += text.encode() + b"\0"
    order, word = "<" if little else ">", "Q" if bits == 64 else "I"
    header_size, phdr_size = (64, 56) if bits == 64 else (52, 32)
    dynamic_at = header_size + 3 * phdr_size
    word_size = struct.calcsize(f"={word}")
    names_at = dynamic_at + (len(tags) + 3) * 2 * word_size
    tags += [(_DT_STRTAB, names_at + 0x400000), (_DT_STRSZ, len(names)), (0, 0)]
    dynamic = b"".join(struct.pack(f"{order}2{word}", *tag) for tag in tags)
    loader = interpreter.encode() + b"\0"
    end = names_at + len(names) + len(loader)

    def segment(kind: int, at: int, size: int) -> bytes:
        where = (at, at + 0x400000, at + 0x400000, size, size)
        if bits == 64:
            return struct.pack(f"{order}IIQQQQQQ", kind, 4, *where, 1)
        return struct.pack(f"{order}IIIIIIII", kind, *where, 4, 1)

    ident = b"\x7fELF" + bytes([bits // 32, 1 if little else 2, 1]) + bytes(9)
    header = ident + struct.pack(
        f"{order}HHI3{word}I6H",
        *(3, machine, 1, 0, header_size, 0, 0),
        *(header_size, phdr_size, 3, 0, 0, 0),
    )
    loads = segment(1, 0, end) + segment(2, dynamic_at, len(dynamic))
    named = segment(3 if interpreter else 0, names_at + len(names), len(loader))
    return header + loads + named + dynamic + names + loader

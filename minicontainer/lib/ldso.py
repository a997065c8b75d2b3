"""Where does the loader look for a library?

In: what an ELF file says about itself. Out: directories, in the loader's order:
those written in the file (DT_RPATH, DT_RUNPATH), those the administrator
configured (ld.so.conf), those compiled into the loader.
Sources: ld.so(8), ldconfig(8), Debian's multiarch; musl, ldso/dynlink.c.
"""

from __future__ import annotations

import glob
import os
import re

from .elf import Elf, Kind

#: the directory names of Debian's multiarch, by machine
_MULTIARCH = {
    "EM_X86_64": "x86_64-linux-gnu",
    "EM_AARCH64": "aarch64-linux-gnu",
    "EM_386": "i386-linux-gnu",
    "EM_ARM": "arm-linux-gnueabihf",
    "EM_RISCV": "riscv64-linux-gnu",
    "EM_PPC64": "powerpc64le-linux-gnu",
    "EM_S390": "s390x-linux-gnu",
}

#: names of libraries that are part of musl's loader, whatever stands behind the dot
_INSIDE_MUSL = re.compile(r"lib(c|pthread|rt|m|dl|util|xnet)\.")


def search_directories(needy: Elf) -> list[str]:
    """The directories in which the loader looks for what `needy` needs, in its order.

    A DT_RPATH serves the libraries of libraries too, but gives way to
    DT_RUNPATH, which serves only the file that has it. musl lets both serve all.

    Source: ld.so(8), "DESCRIPTION"; musl, ldso/dynlink.c, load_library.
    """
    chain = [needy]  # from the file that needs something up to the program
    while chain[-1].needed_by:
        chain.append(chain[-1].needed_by)
    loader = os.path.basename(chain[-1].interpreter)
    if loader.startswith("ld-musl-"):
        written = [d for elf in chain for d in expand(elf.runpath or elf.rpath, elf)]
        return list(dict.fromkeys([*written, *_musl_directories(loader)]))
    written = expand(needy.runpath, needy)
    if not needy.runpath:
        written = [d for elf in chain if not elf.runpath for d in expand(elf.rpath, elf)]
    compiled_in = [f"{top}/{lib}" for lib in _lib_names(needy.kind) for top in ("", "/usr")]
    return list(dict.fromkeys([*written, *configured_directories(), *compiled_in]))


def is_inside_loader(name: str, interpreter: str) -> bool:
    """Whether the library `name` is no file but a part of the loader, as libc is in musl."""
    is_musl = os.path.basename(interpreter).startswith("ld-musl-")
    return is_musl and _INSIDE_MUSL.match(name) is not None


def expand(path: str, elf: Elf) -> list[str]:
    """The directories of a DT_RPATH or DT_RUNPATH string of `elf`, its tokens filled in.

    Relative ones are left out: they would depend on where the program is started.
    Source: ld.so(8), "Dynamic string tokens".
    """
    platform = _MULTIARCH.get(elf.kind.machine, "").partition("-")[0]
    # $ORIGIN of the program itself comes from /proc/self/exe, with links resolved.
    origin = os.path.dirname((os.path.abspath if elf.needed_by else os.path.realpath)(elf.path))
    directories = []
    for part in path.split(":"):
        for lib in _lib_names(elf.kind) if "LIB" in part else [""]:
            tokens = {"ORIGIN": origin, "LIB": lib, "PLATFORM": platform}
            filled = re.sub(r"\$(?:\{(\w+)\}|(ORIGIN|LIB|PLATFORM))", _filler(tokens), part)
            directories += [filled] if filled.startswith("/") else []
    return directories


def _filler(tokens: dict[str, str]):
    return lambda match: tokens.get(match[1] or match[2], match[0])


def configured_directories(conf: str = "/etc/ld.so.conf") -> list[str]:
    """The directories that `conf` and the files it includes name, in their order.

    The loader itself does not read them but ld.so.cache, which ldconfig makes of them.
    Source: ldconfig(8), "FILES".
    """
    return _read_conf(conf, seen=set())


def _read_conf(file: str, seen: set[str]) -> list[str]:
    seen.add(file)  # a file that includes itself is read once
    directories: list[str] = []
    for line in _lines(file):
        first, *rest = line.split()
        if first == "include":
            patterns = [os.path.join(os.path.dirname(file), pattern) for pattern in rest]
            included = [path for pattern in patterns for path in sorted(glob.glob(pattern))]
            for path in included:
                directories += [] if path in seen else _read_conf(path, seen)
        elif first.startswith("/"):
            directories.append(first.partition("=")[0].rstrip("/"))
    return directories


def _lines(file: str) -> list[str]:
    """The lines of `file` without comments and empty ones; none if it cannot be read."""
    try:
        with open(file, encoding="utf-8", errors="surrogateescape") as stream:
            lines = [line.partition("#")[0].strip() for line in stream]
    except OSError:
        return []
    return [line for line in lines if line]


def _musl_directories(loader: str) -> list[str]:
    """musl's own search path: that of /etc/ld-musl-ARCH.path, else the one compiled in.

    Debian's musl is compiled with other directories; they are added behind.
    """
    arch = loader.removeprefix("ld-musl-").partition(".so")[0]
    parts = [part for line in _lines(f"/etc/ld-musl-{arch}.path") for part in line.split(":")]
    configured = [part for part in parts if part.startswith("/")]
    debian = [f"/lib/{arch}-linux-musl", f"/usr/lib/{arch}-linux-musl"]
    return configured or ["/lib", "/usr/local/lib", "/usr/lib", *debian]


def _lib_names(kind: Kind) -> list[str]:
    """The names that distributions give the library directory of a machine."""
    multiarch = [f"lib/{_MULTIARCH[kind.machine]}"] if kind.machine in _MULTIARCH else []
    return [*multiarch, f"lib{kind.bits}", "lib"]

"""Why does /bin/sh say "No such file or directory" when it is right there?

Because the kernel starts another file first: the loader that the program names
in its PT_INTERP segment. The loader then looks for the libraries named by
DT_NEEDED. `libraries_of` finds all of them as ld.so(8) would.
In: a program's path. Out: the paths that it needs beside itself.
Sources: elf(5), ld.so(8).
"""

from __future__ import annotations

import os
from collections import deque

from minicontainer.lib.elf import Elf, ElfError, kind_of, read_elf
from minicontainer.lib.ldso import is_inside_loader, search_directories


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
        if kind_of(candidate) == needy.kind:
            return candidate
    what = f"needs {name}, and there is no such file here for {needy.kind.machine}"
    raise ElfError(what, needy.path, "install the package that holds it, or take another program")

"""What goes into workshop/shell: this machine's `sh` and tools, and a few files.

In: the machine's programs, which are read and never run. Out: the files of
three layers. A program goes to /bin, a library to where the loader finds it.
image-spec, layer.md, "Whiteouts" and "Opaque Whiteout".
"""

from __future__ import annotations

import glob
import os
import re
import sys
from pathlib import Path

from minicontainer.errors import MinicontainerError
from minicontainer.lib.files import files_below
from minicontainer.step01_chroot.elf import libraries_of
from minicontainer.step01_chroot.rootfs import find_program
from minicontainer.step03_image.layers import OPAQUE, WHITEOUT

from .image_builder import File, directory

TOOLS = """
    ls cat echo env id ps mount hostname sleep uname grep head tail wc mkdir rm touch cp mv ln
    chmod chown stat date df tr sort test true false tty stty kill ip readlink pwd find sed
"""
LARGEST_FILE = 32 * 1024 * 1024
#: where a loader looks unasked: lib, lib64, and Debian's lib/ARCH-linux-gnu
USUAL_PLACE = re.compile(r"(usr/)?lib(32|64)?(/[a-z0-9_]+-linux-gnu[a-z0-9_]*)?")
#: the files of the first and of the third layer that are no programs of this machine
SHELL = Path(__file__).with_name("shell")


class NoTools(MinicontainerError):
    """This machine has no program that an image could be made from."""


def base_files() -> list[File]:
    """The first layer: sh, what it needs, /etc, and files that a later layer changes.

    Raises NoTools where there is no Linux; RootError, ElfError if sh can't be read.
    """
    if not sys.platform.startswith("linux"):
        raise NoTools("this machine's programs are not Linux programs", sys.platform)
    return [
        *program_files("sh"),
        directory("dev"),
        directory("proc"),
        directory("sys"),
        directory("root", 0o700),
        directory("tmp", 0o1777),
        directory("home/workshop"),
        *shell_files("base"),
    ]


def tool_files(present: set[str]) -> list[File]:
    """The second layer: the TOOLS that this machine has, without the paths of `present`."""
    found: dict[str, File] = {}
    for tool in TOOLS.split():
        try:
            files = program_files(tool)
        except MinicontainerError:
            continue  # not every machine has every tool
        found.update({file.path: file for file in files})
    found.update({file.path: file for file in loader_settings(list(found))})
    return [file for path, file in found.items() if path not in present]


def finishing_files() -> list[File]:
    """The third layer: one file replaced, one deleted, one directory emptied and filled anew."""
    # no files of ours: some file systems, and images that hold this package, would obey them
    whiteouts = (f"etc/{WHITEOUT}build-note", f"usr/share/guide/{OPAQUE}")
    return [*shell_files("finishing"), *(File(path, b"") for path in whiteouts)]


def shell_files(layer: str) -> list[File]:
    """The files in the directory shell/`layer`; those in bin are to be run."""
    files = []
    for name, _ in files_below(SHELL / layer):
        mode = 0o755 if name.startswith("bin/") else 0o644
        files.append(File(name, (SHELL / layer / name).read_bytes(), mode))
    return files


def program_files(name: str) -> list[File]:
    """The program in /bin, and its libraries.

    A name that is a link to a program of many names (busybox, dash) stays one.
    """
    program = os.path.realpath(find_program(name))
    libraries = [read_file(library, library.lstrip("/")) for library in libraries_of(program)]
    own_name = os.path.basename(program)
    files = [read_file(program, f"bin/{own_name}"), *libraries]
    if own_name != name:
        files.append(File(f"bin/{name}", link=own_name))
    return files


def read_file(path: str, name: str) -> File:
    """The host's file `path` as a member of a layer; without setuid, and for all to run."""
    with open(path, "rb") as stream:
        content = stream.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise NoTools("too large for a small image", path)
    return File(os.path.normpath(name), content, 0o755)


def loader_settings(paths: list[str]) -> list[File]:
    """What the loader reads to find the libraries among `paths`, if it needs anything.

    glibc's has a cache of all libraries of this machine: only for those in unusual
    places, since it changes whenever something is installed. musl's has a path file.
    Source: ld.so(8).
    """
    settings = []
    if any(".so" in path and not USUAL_PLACE.fullmatch(os.path.dirname(path)) for path in paths):
        settings += glob.glob("/etc/ld.so.cache")
    if any(os.path.basename(path).startswith("ld-musl-") for path in paths):
        settings += glob.glob("/etc/ld-musl-*.path")
    return [File(path.lstrip("/"), read_file(path, "").content) for path in sorted(settings)]

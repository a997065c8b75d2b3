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

from minicontainer.errors import MinicontainerError
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

ENTRYPOINT = """#!/bin/sh
# What the image runs first: greet a person who asked for a shell, then become the command.
if [ -t 0 ] && [ "$*" = /bin/sh ]; then cat /etc/motd; fi
exec "$@"
"""
PASSWD = "root:x:0:0:root:/root:/bin/sh\nworkshop:x:1000:1000:Workshop:/home/workshop:/bin/sh\n"
GROUP = "root:x:0:\ntty:x:5:\nworkshop:x:1000:\n"
OS_RELEASE = 'NAME="Workshop"\nID=workshop\nPRETTY_NAME="workshop/shell, made on this machine"\n'
MOTD = """
Welcome to workshop/shell. You are inside a container. Look around:
  ls -d /proc/[0-9]*    who else is here?    id        who are you?
  cat /proc/mounts      what is mounted?     uname -n  where are you?
  cat /usr/share/guide/README                what was done to these files?
"""
README = """The third layer of this image changed what the first one had put there:
  /etc/motd         was replaced:   the layer has a file of the same name
  /etc/build-note   was deleted:    the layer has etc/.wh.build-note
  /usr/share/guide  was emptied:    the layer has usr/share/guide/.wh..wh..opq
"""


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
        File("etc/passwd", PASSWD.encode()),
        File("etc/group", GROUP.encode()),
        File("etc/os-release", OS_RELEASE.encode()),
        File("etc/motd", b"under construction\n"),
        File("etc/build-note", b"remember to delete this note\n"),
        File("usr/share/guide/draft-1", b"the first draft\n"),
        File("usr/share/guide/old/draft-0", b"an even older draft\n"),
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
    return [
        File("bin/entrypoint", ENTRYPOINT.encode(), 0o755),
        File("etc/motd", MOTD.encode()),
        File(f"etc/{WHITEOUT}build-note", b""),
        File(f"usr/share/guide/{OPAQUE}", b""),
        File("usr/share/guide/README", README.encode()),
    ]


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

"""What is mounted in a container, and of which layers is its root made?

In: a pid, or the text of its mountinfo. Out: the tree of mounts, and the
layers of an overlay from what the process sees down to the lowest.
Source: proc_pid_mountinfo(5); kernel documentation, filesystems/overlayfs.rst.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .drawing import Picture, Sketch
from .render import PictureError
from .text import plural, readable

MOST_MOUNTS, MOST_NAMES = 80, 6
_KERNEL = {"proc", "sysfs", "cgroup", "cgroup2", "mqueue", "devpts", "securityfs", "bpf", "debugfs"}


class Mount(NamedTuple):
    """One line of mountinfo."""

    id: int
    parent: int
    root: str
    place: str
    options: str
    propagation: str
    type: str
    source: str
    super_options: str


def mount_tree(source: int | str) -> Picture:
    """The mounts of a process, `source` being its pid or the text of its mountinfo.

    Raises PictureError when it can't be read or holds no mounts.
    """
    mounts = read_mounts(source)
    shown = mounts[:MOST_MOUNTS]
    sketch = Sketch(ranksep=".5", nodesep=".08")
    nodes = {it.id: sketch.node(_kind(it), _lines(it, mounts), it.place) for it in shown}
    for it in shown:
        if it.parent in nodes and it.parent != it.id:
            sketch.edge(nodes[it.parent], nodes[it.id])
    if len(mounts) > len(shown):
        sketch.node("quiet", [f"… and {len(mounts) - len(shown)} more"])
    words = ", ".join(f"{it.type} on {it.place}" for it in shown[:30])
    return sketch.picture(f"{plural(len(mounts), 'mount')}: {words}.")


def read_mounts(source: int | str) -> list[Mount]:
    """The mounts in a mountinfo file's text, or of a pid, the parents first."""
    if isinstance(source, int):
        path = f"/proc/{source}/mountinfo"
        try:
            source = Path(path).read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise PictureError(error.strerror or str(error), path) from error
    mounts = [mount for mount in map(parse_mount, source.splitlines()) if mount]
    if not mounts:
        raise PictureError("no mounts to draw", hint="give a pid, or the text of mountinfo")
    return mounts


def parse_mount(line: str) -> Mount | None:
    """One line of mountinfo; None when it is none."""
    before, dash, after = line.partition(" - ")
    head, tail = before.split(), after.split(" ")
    if not dash or len(head) < 6 or len(tail) < 2 or not (head[0] + head[1]).isdigit():
        return None
    root, place, options = map(_plain, head[3:6])
    tags = ", ".join(head[6:]) or "private"
    last = tail[2] if len(tail) > 2 else ""
    return Mount(
        int(head[0]), int(head[1]), root, place, options, tags, tail[0], _plain(tail[1]), last
    )


def _plain(text: str) -> str:
    r"""Undo the kernel's octal escapes, as \040 for a space."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def _kind(mount: Mount) -> str:
    if mount.type == "tmpfs":
        return "config"
    if mount.type in _KERNEL:
        return "index"
    return "shared" if mount.root != "/" else "layer"


def _lines(mount: Mount, mounts: list[Mount]) -> list[str]:
    access = "read-only" if "ro" in mount.options.split(",") else "read-write"
    bound = f"bind of {readable(mount.root, 30)}" if mount.root != "/" else ""
    return [
        readable(mount.place, 40),
        f"{mount.type}, {access}",
        *filter(None, [bound]),
        readable(mount.propagation, 40),
    ]


class Overlay(NamedTuple):
    """An overlay: where it is seen, the writable layer, and the lower ones, topmost first."""

    merged: str
    upper: str
    lower: tuple[str, ...]


def overlay_layers(
    source: int | str | Sequence[str | os.PathLike[str]],
    upper: str | os.PathLike[str] | None = None,
    merged: str | os.PathLike[str] = "/",
) -> Picture:
    """The layers of an overlay, from what is seen down to the lowest.

    `source` is a pid, the text of its mountinfo, or the lower directories,
    topmost first, beside `upper` and `merged`.
    Raises PictureError when there is no overlay.
    """
    if isinstance(source, (int, str)):
        overlay = find_overlay(read_mounts(source))
    else:
        writable = os.fspath(upper) if upper else ""
        overlay = Overlay(os.fspath(merged), writable, tuple(os.fspath(it) for it in source))
    sketch = Sketch(rankdir="TB", ranksep=".25")
    above = sketch.node(
        "process", [f"seen at {overlay.merged}", "all layers, one on another"], wide=44
    )
    stack = [("shared", "upper, written to", overlay.upper)] if overlay.upper else []
    stack += [("layer", f"lower {number}", it) for number, it in enumerate(overlay.lower, 1)]
    for kind, title, directory in stack:
        lines = [title, _tail(directory), *_contents(directory)]
        below = sketch.node(kind, lines, directory, wide=44)
        sketch.edge(above, below)
        above = below
    count = plural(len(overlay.lower), "lower layer")
    writable = f"a writable layer {overlay.upper} over " if overlay.upper else ""
    return sketch.picture(f"An overlay seen at {overlay.merged}: {writable}{count}.")


def find_overlay(mounts: Sequence[Mount]) -> Overlay:
    """The overlay that is the root, else the last one mounted. Raises PictureError."""
    found = [mount for mount in mounts if mount.type in ("overlay", "fuse.fuse-overlayfs")]
    if not found:
        raise PictureError("no overlay is mounted there", hint="the root may be a plain directory")
    mount = next((it for it in found if it.place == "/"), found[-1])
    options = dict(
        part.partition("=")[::2] for part in mount.super_options.split(",") if "=" in part
    )
    lower = tuple(_plain(it) for it in options.get("lowerdir", "").split(":") if it)
    return Overlay(mount.place, _plain(options.get("upperdir", "")), lower)


def _tail(path: str, most: int = 42) -> str:
    return path if len(path) <= most else "…" + path[1 - most :]


def _contents(directory: str) -> list[str]:
    """A line with the first names in a layer, and one with what it hides of those below."""
    try:
        with os.scandir(directory) as entries:
            found = sorted((entry.name, entry.stat(follow_symlinks=False)) for entry in entries)
    except OSError:
        return []
    hidden = [n for n, it in found if stat.S_ISCHR(it.st_mode) and it.st_rdev == 0]
    names = [f"{n}/" if stat.S_ISDIR(it.st_mode) else n for n, it in found if n not in hidden]
    lines = [_few(names)] if names else []
    return [*lines, f"deletes {_few(hidden)}"] if hidden else lines


def _few(names: list[str]) -> str:
    more = " …" if len(names) > MOST_NAMES else ""
    return readable("  ".join(names[:MOST_NAMES]), 40) + more

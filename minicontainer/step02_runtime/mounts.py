"""Which file systems does the container see, and where?

In: the root directory on the host and the entries of `mounts`. Out: mounted,
in order, in this process's own mount namespace. A destination is resolved
inside the root (paths.py), so that no link in an image can lead it outside.
Spec: runtime-spec, config.md, "Mounts"; mount(2), mount_namespaces(7).
"""

from __future__ import annotations

import os

from minicontainer import linux
from minicontainer.errors import ContainerError
from minicontainer.lib.config_schema import is_bind
from minicontainer.lib.mount_options import change_flags, parse_options
from minicontainer.lib.paths import open_inside, shown


def apply_mounts(root: str, mounts: list[dict]) -> None:
    """Mount every entry of `mounts`, in order, below the directory `root`.

    Each has `destination`, and mostly `type`, `source` and `options`, as in
    config.json. A destination that is missing is made. A bind mount takes
    its flags by a second mount(2), propagation is set by a third.

    Raises ContainerError that names the entry's destination.
    Spec: runtime-spec, config.md, "Mounts"; mount(2).
    """
    for mount in mounts:
        flags, propagation, data = parse_options(mount)
        bind = flags & linux.MS_BIND
        try:
            with Destination(root, mount) as target:
                recursive = bind | flags & linux.MS_REC
                source, fstype = mount.get("source", "none"), mount.get("type")
                linux.mount(source, target, fstype, recursive if bind else flags, data)
            with Destination(root, mount) as target:  # opened again: now it is the new mount
                if bind and flags & ~recursive:
                    change_flags(target, flags & ~linux.MS_REC)
                if propagation:
                    linux.mount(None, target, None, propagation)
        except OSError as error:
            what = f"cannot mount {mount.get('source')} on it: {error.strerror}"
            raise ContainerError(what, mount["destination"]) from None


class Destination:
    """The place of a mount, resolved inside the root: a name for mount(2) while it is open."""

    def __init__(self, root: str, mount: dict) -> None:
        self.root, self.mount = root, mount

    def __enter__(self) -> str:
        onto_file = is_bind(self.mount) and not os.path.isdir(self.mount["source"])
        make = "file" if onto_file else "directory"
        self.fd = open_inside(self.root, self.mount["destination"], make)
        return shown(self.fd)

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

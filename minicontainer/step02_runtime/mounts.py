"""Which file systems does the container see, and where?

In: the root directory on the host and the entries of `mounts`. Out: mounted,
in order, in this process's own mount namespace. A destination is resolved
inside the root (paths.py), so that no link in an image can lead it outside.
Spec: runtime-spec, config.md, "Mounts"; mount(2), mount_namespaces(7).
"""

from __future__ import annotations

import errno
import os

from minicontainer import linux
from minicontainer.errors import ContainerError
from minicontainer.lib.paths import open_inside, shown

#: option -> (set or clear, flag)
_FLAGS = {
    "ro": (True, linux.MS_RDONLY), "rw": (False, linux.MS_RDONLY),
    "nosuid": (True, linux.MS_NOSUID), "suid": (False, linux.MS_NOSUID),
    "nodev": (True, linux.MS_NODEV), "dev": (False, linux.MS_NODEV),
    "noexec": (True, linux.MS_NOEXEC), "exec": (False, linux.MS_NOEXEC),
    "sync": (True, linux.MS_SYNCHRONOUS), "async": (False, linux.MS_SYNCHRONOUS),
    "dirsync": (True, linux.MS_DIRSYNC), "remount": (True, linux.MS_REMOUNT),
    "mand": (True, linux.MS_MANDLOCK), "nomand": (False, linux.MS_MANDLOCK),
    "noatime": (True, linux.MS_NOATIME), "atime": (False, linux.MS_NOATIME),
    "nodiratime": (True, linux.MS_NODIRATIME), "diratime": (False, linux.MS_NODIRATIME),
    "relatime": (True, linux.MS_RELATIME), "norelatime": (False, linux.MS_RELATIME),
    "strictatime": (True, linux.MS_STRICTATIME), "nostrictatime": (False, linux.MS_STRICTATIME),
    "nosymfollow": (True, linux.MS_NOSYMFOLLOW), "symfollow": (False, linux.MS_NOSYMFOLLOW),
    "iversion": (True, linux.MS_I_VERSION), "noiversion": (False, linux.MS_I_VERSION),
    "bind": (True, linux.MS_BIND), "rbind": (True, linux.MS_BIND | linux.MS_REC),
    "defaults": (True, 0),
}  # fmt: skip

PROPAGATION = {
    "private": linux.MS_PRIVATE, "rprivate": linux.MS_PRIVATE | linux.MS_REC,
    "slave": linux.MS_SLAVE, "rslave": linux.MS_SLAVE | linux.MS_REC,
    "shared": linux.MS_SHARED, "rshared": linux.MS_SHARED | linux.MS_REC,
    "unbindable": linux.MS_UNBINDABLE, "runbindable": linux.MS_UNBINDABLE | linux.MS_REC,
}  # fmt: skip

#: flags of the file system's own mount that a user namespace may not take away: statvfs(3)
_LOCKED = {
    1: linux.MS_RDONLY, 2: linux.MS_NOSUID, 4: linux.MS_NODEV, 8: linux.MS_NOEXEC,
    1024: linux.MS_NOATIME, 2048: linux.MS_NODIRATIME, 4096: linux.MS_RELATIME,
}  # fmt: skip


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


def parse_options(mount: dict) -> tuple[int, int, str | None]:
    """The options of a mount as (flags of mount(2), propagation, what the file system reads)."""
    flags, propagation, data = 0, 0, []
    for option in (mount.get("type", ""), *mount.get("options", [])):
        if option in _FLAGS:
            on, flag = _FLAGS[option]
            flags = flags | flag if on else flags & ~flag
        elif option in PROPAGATION:
            propagation = PROPAGATION[option]
        elif option[:1] == "r" and option[1:] in _FLAGS:
            # mount(2) would ignore it on a bind mount, which would be less safe than asked
            raise ContainerError(
                f"the recursive option {option} is not supported", mount.get("destination", "")
            )
        elif option != mount.get("type") and option != "tmpcopyup":
            data.append(option)
    return flags, propagation, ",".join(data) or None


class Destination:
    """The place of a mount, resolved inside the root: a name for mount(2) while it is open."""

    def __init__(self, root: str, mount: dict) -> None:
        self.root, self.mount = root, mount

    def __enter__(self) -> str:
        flags, _, _ = parse_options(self.mount)
        onto_file = flags & linux.MS_BIND and not os.path.isdir(self.mount["source"])
        make = "file" if onto_file else "directory"
        self.fd = open_inside(self.root, self.mount["destination"], make)
        return shown(self.fd)

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)


def change_flags(target: str, flags: int) -> None:
    """Change the flags of the bind mount `target`, keeping those that are locked."""
    flags |= linux.MS_BIND | linux.MS_REMOUNT
    try:
        linux.mount(None, target, None, flags)
    except OSError as error:
        if error.errno != errno.EPERM:
            raise
        present = os.statvfs(target).f_flag
        locked = sum(flag for bit, flag in _LOCKED.items() if present & bit)
        linux.mount(None, target, None, flags | locked)


def plain_mounts(config: dict, cgroup: dict) -> list[dict]:
    """The mounts of `config` with each `cgroup` entry spelled out as what mount(2) knows."""
    found = []
    namespace = any(entry["type"] == "cgroup" for entry in config["linux"]["namespaces"])
    for mount in config.get("mounts", []):
        if mount.get("type") == "cgroup":
            found += _cgroup_mounts(mount, cgroup, namespace)
        else:
            found.append(mount)
    return found


def _cgroup_mounts(mount: dict, cgroup: dict, namespace: bool) -> list[dict]:
    """What shows the container its own cgroup, and nothing above it."""
    options = mount.get("options", [])
    if cgroup["version"] == 2:
        if namespace:
            return [{**mount, "type": "cgroup2"}]
        path = next(iter(cgroup["paths"].values()), "/sys/fs/cgroup")
        return [{**mount, "type": "bind", "source": path, "options": ["rbind", *options]}]
    writable = [option for option in options if option != "ro"]
    found = [{**mount, "type": "tmpfs", "source": "tmpfs", "options": [*writable, "mode=755"]}]
    for controller, path in cgroup["paths"].items():
        destination = f"{mount['destination']}/{controller}"
        shape = {"type": "bind", "source": path, "options": ["bind", *options]}
        if namespace:
            data = [controller, *options]
            shape = {"type": "cgroup", "source": "cgroup", "options": data}
        found.append({"destination": destination, **shape})
    if "ro" in options:  # the tmpfs last, or the directories in it could not be made
        again = {"type": "tmpfs", "source": "tmpfs", "options": ["remount", "mode=755", *options]}
        found.append({**mount, **again})
    return found

"""What do the options of a mount mean? The words of mount(8) as flags of mount(2).

In: an entry of `mounts` in config.json. Out: flags, propagation, and the text that
the file system itself reads.
Spec: runtime-spec, config.md, "Linux mount options"; mount(2), mount(8).
"""

from __future__ import annotations

import errno
import os

from minicontainer import linux
from minicontainer.errors import ContainerError

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

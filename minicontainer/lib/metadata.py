"""Owners, modes, extended attributes and times of the files of a root filesystem.

In: an entry of a layer, and the file made for it. What an ordinary user or the
filesystem cannot do is left out, and said once.
Spec: image-spec, layer.md, "File Attributes"; chown(2), chmod(2), xattr(7), utimensat(2).
"""

from __future__ import annotations

import errno
import os

from minicontainer import explain

from .directories import Directory, at
from .tar import SYMLINK, Entry

#: what overlayfs and security modules of the host keep for themselves
_NEVER_SET = ("trusted.overlay.", "user.overlay.", "security.selinux", "system.nfs4_acl")
_CANNOT = (errno.EPERM, errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.ENOSYS, errno.ERANGE)
_LINK_TIMES = os.utime in os.supports_follow_symlinks


class Metadata:
    """Sets it; `owners` says whether owners too (None: as root only)."""

    def __init__(self, owners: bool | None = None) -> None:
        self.owners = owners
        if owners is None:
            self.owners = hasattr(os, "geteuid") and os.geteuid() == 0
        self._said: set[str] = set()

    def apply(self, entry: Entry, directory: Directory, name: str) -> None:
        """Give `name` in `directory`, which was made for `entry`, the entry's metadata.

        The order matters: a change of owner clears set-uid bits and capabilities,
        a mode may forbid attributes, and whatever comes later may change times.
        """
        path, dir_fd = at(directory, name)
        if self.owners:
            self._set_owner(entry, path, dir_fd)
        if entry.xattrs:
            self._set_xattrs(entry, path, dir_fd)
        if entry.type != SYMLINK:  # which have no mode of their own
            os.chmod(path, entry.mode, dir_fd=dir_fd)
        if entry.type != SYMLINK or _LINK_TIMES:
            times = (entry.mtime, entry.mtime)
            os.utime(path, ns=times, dir_fd=dir_fd, follow_symlinks=not _LINK_TIMES)

    def _set_owner(self, entry: Entry, path: str, dir_fd: int | None) -> None:
        try:
            os.chown(path, entry.uid, entry.gid, dir_fd=dir_fd, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
            self.say(
                "owners", f"{entry.name} keeps its owner: {entry.uid}:{entry.gid} can't be set"
            )

    def _set_xattrs(self, entry: Entry, path: str, dir_fd: int | None) -> None:
        if not hasattr(os, "setxattr") or dir_fd is None:
            self.say("xattrs", "extended attributes are left out: this system has none")
            return
        target = f"/proc/self/fd/{dir_fd}/{path}"  # there is no setxattrat
        for name, value in entry.xattrs.items():
            if name.startswith(_NEVER_SET):
                continue
            try:
                os.setxattr(target, name, value, follow_symlinks=False)
            except OSError as error:
                if error.errno not in _CANNOT:
                    raise
                self.say(f"xattr {name}", f"{entry.name} goes without {name}: {error.strerror}")

    def say(self, kind: str, text: str) -> None:
        """Tell the listener, once for each kind."""
        if kind not in self._said:
            self._said.add(kind)
            explain.emit("note", text)

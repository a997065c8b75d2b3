"""A root filesystem for each container, over the image's tree that all of them share.

In: the unpacked image, read only. Out: a directory that looks the same and may
be written to. overlayfs does it without copying; where the kernel refuses it, `cp` does.
Source: the kernel's Documentation/filesystems/overlayfs.rst; mount(2).
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess

from minicontainer import explain, linux

#: the kernel's answers where overlayfs can't be had: not allowed, not built in, not on this disk
_NO_OVERLAY = {errno.EPERM, errno.EACCES, errno.ENODEV, errno.EINVAL, errno.EOPNOTSUPP}


def snapshot(lower: str, container: str) -> str:
    """The path of a new root filesystem in the directory `container`: `lower`, but writable.

    What the container writes goes to `container`/upper, and `lower` stays as it
    is. The overlay is mounted in the mount namespace of this process, so make
    that a private one first. Raises OSError, as mount(2) or a full disk gives it.
    """
    rootfs, upper, work = (os.path.join(container, name) for name in ("rootfs", "upper", "work"))
    for directory in (rootfs, upper, work):
        os.mkdir(directory)
    _copy_attributes(lower, upper)
    layers = {"lowerdir": lower, "upperdir": upper, "workdir": work}
    options = ",".join(f"{name}={_escaped(path)}" for name, path in layers.items())
    try:
        # userxattr: an ordinary user may not write the trusted.* attributes overlayfs would use.
        linux.mount("overlay", rootfs, "overlay", data=f"{options},userxattr")
    except OSError as error:
        if error.errno not in _NO_OVERLAY:
            raise
        copy(lower, rootfs)
    return rootfs


def copy(lower: str, rootfs: str) -> None:
    """Copy the tree `lower` into `rootfs` with owners, modes, links, times and attributes."""
    explain.emit("note", f"no overlayfs here: cp -a {lower}/. {rootfs}")
    done = subprocess.run(
        ["cp", "-a", "--reflink=auto", f"{lower}/.", rootfs],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise OSError(errno.EIO, done.stderr.strip().splitlines()[-1:] or "cp failed", rootfs)


def _copy_attributes(source: str, target: str) -> None:
    """The root directory of an overlay has the attributes of its upper directory."""
    shutil.copystat(source, target)
    status = os.stat(source)
    os.chown(target, status.st_uid, status.st_gid)


def _escaped(path: str) -> str:
    """A path as an overlay option: `,` would end the option and `:` the layer."""
    for character in "\\,:":
        path = path.replace(character, f"\\{character}")
    return path

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
NO_OVERLAY = {errno.EPERM, errno.EACCES, errno.ENODEV, errno.EINVAL, errno.EOPNOTSUPP}


def snapshot(lower: str, container: str) -> str:
    """The path of a new root filesystem: `lower`, but writable.

    An overlay at `container`/rootfs: what is written goes to `container`/upper
    (`container`/work is for the kernel), and `lower` stays as it is. The root
    directory has the owner, mode and times of `lower`. Where the kernel refuses
    overlays with an error number of NO_OVERLAY, rootfs is a copy of `lower`.

    The overlay is mounted in the mount namespace of this process, so make that
    a private one first. Raises OSError, as mount(2) or a full disk gives it.
    Source: the kernel's Documentation/filesystems/overlayfs.rst.
    """
    rootfs, upper, work = new_directories(container)
    copy_attributes(lower, upper)
    layers = f"lowerdir={escaped(lower)},upperdir={escaped(upper)},workdir={escaped(work)}"
    try:
        # userxattr: an ordinary user may not write the trusted.* attributes overlayfs would use.
        linux.mount("overlay", rootfs, "overlay", data=f"{layers},userxattr")
    except OSError as error:
        if error.errno not in NO_OVERLAY:
            raise
        copy(lower, rootfs)
    return rootfs


def new_directories(container: str) -> tuple[str, str, str]:
    """Make rootfs, upper and work in the directory `container`; their paths."""
    explain.step("a layer of its own", "The image stays as it is; changes go on top of it.")
    rootfs, upper, work = (os.path.join(container, name) for name in ("rootfs", "upper", "work"))
    for directory in (rootfs, upper, work):
        os.mkdir(directory)
    return rootfs, upper, work


def copy_attributes(source: str, target: str) -> None:
    """Give `target` the owner, mode, times and attributes of `source`, not its contents."""
    status = os.stat(source)
    os.chown(target, status.st_uid, status.st_gid)
    shutil.copystat(source, target)


def escaped(path: str) -> str:
    """A path as an overlay option: `,` would end the option and `:` the layer."""
    for character in "\\,:":
        path = path.replace(character, f"\\{character}")
    return path


def copy(lower: str, rootfs: str) -> None:
    """Copy the tree `lower` into `rootfs` with owners, modes, links, times and attributes."""
    explain.emit("note", f"no overlayfs here: cp -a {lower}/. {rootfs}")
    command = ["cp", "-a", "--reflink=auto", f"{lower}/.", rootfs]
    done = subprocess.run(command, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        told = os.fsdecode(done.stderr).strip() or "cp failed"
        raise OSError(errno.EIO, told.splitlines()[-1], rootfs)

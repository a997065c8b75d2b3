"""How does a directory become a root, with nothing of the host behind it?

In the order of init.py: prepare_root before the mounts, add_devices and mask_paths
after them, and pivot, after which the host's files can no longer be named.
Spec: runtime-spec, config.md, "Root"; config-linux.md, "Default Devices",
"Dev symbolic links", "Masked Paths", "Readonly Paths", "Rootfs Mount Propagation".
"""

from __future__ import annotations

import errno
import os
import stat

from minicontainer import explain, linux
from minicontainer.errors import ContainerError
from minicontainer.lib.config_schema import is_bind
from minicontainer.lib.mount_options import PROPAGATION, change_flags
from minicontainer.lib.paths import mount_id, open_inside, shown

_DEVICES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}  # of major 1
_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}


def prepare_root(root: str) -> None:
    """Cut this mount namespace off from the host's and make `root` a mount point.

    Mounts of the host still arrive here, ours never go there; pivot_root(2)
    takes only a mount point.
    """
    explain.step("a root of its own", "mounts made from here on are seen in this namespace only")
    linux.mount(None, "/", None, linux.MS_SLAVE | linux.MS_REC)
    linux.mount(root, root, None, linux.MS_BIND | linux.MS_REC)


def add_devices(root: str, config: dict) -> None:
    """The default devices, those of `linux.devices`, and the links in /dev.

    When /dev is the host's, shown by a bind mount, it is left alone.
    """
    if is_from_host(root, "/dev", config.get("mounts", [])):
        return
    devices = [_device(f"/dev/{name}", 1, minor) for name, minor in _DEVICES.items()]
    devices.append(_device("/dev/tty", 5, 0))
    asked = config["linux"].get("devices", [])
    names = {device["path"] for device in asked}
    for device in [d for d in devices if d["path"] not in names] + asked:
        add_device(root, device)
    fd = open_inside(root, "/dev", "directory")
    for name, target in _LINKS.items():
        _link(target, name, fd)
    os.close(fd)


def is_from_host(root: str, path: str, mounts: list[dict]) -> bool:
    """Whether `path` lies on a bind mount of `mounts`: what is made there is made on the host.

    The kernel is asked, since a link in the image may have led the mount to `path`.
    """
    if not any(is_bind(mount) for mount in mounts):
        return False
    here = mount_id(root, path)
    covering = [mount for mount in mounts if mount_id(root, mount["destination"]) == here]
    return bool(covering) and is_bind(covering[-1])


def add_device(root: str, device: dict) -> None:
    """Make one entry of `linux.devices`: by mknod(2), or as a bind mount where that is forbidden.

    Raises ContainerError. Spec: runtime-spec, config-linux.md, "Devices".
    """
    directory, name = os.path.split(os.path.normpath(device["path"]))
    mode = device.get("fileMode", 0o666) & 0o7777
    kinds = {"c": stat.S_IFCHR, "u": stat.S_IFCHR, "b": stat.S_IFBLK, "p": stat.S_IFIFO}
    number = os.makedev(device.get("major", 0), device.get("minor", 0))
    parent = open_inside(root, directory, "directory")
    try:
        os.mknod(name, kinds[device["type"]] | mode, number, dir_fd=parent)
        made = f"{shown(parent)}/{name}"
        os.chown(made, device.get("uid", 0), device.get("gid", 0), follow_symlinks=False)
        os.chmod(made, mode)  # mknod's mode went through the umask
    except FileExistsError:
        return
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EACCES, errno.EINVAL):
            raise ContainerError(
                f"cannot make the device: {error.strerror}", device["path"]
            ) from None
        target = open_inside(root, device["path"], "file")
        linux.mount(device["path"], shown(target), None, linux.MS_BIND)
        os.close(target)
    finally:
        os.close(parent)


def mask_paths(root: str, linux_config: dict) -> None:
    """Hide `maskedPaths` behind something empty and make `readonlyPaths` read-only.

    A path that is not there needs no hiding.
    """
    for path in linux_config.get("readonlyPaths", []):
        _if_there(root, path, _bind_readonly)
    for path in linux_config.get("maskedPaths", []):
        _if_there(root, path, _cover)


def pivot(root: str, config: dict) -> None:
    """Make `root` this process's / and let go of the host's tree.

    pivot_root(".", ".") puts the old root on top of the new one, from where it
    is unmounted: no directory for it is needed. Source: pivot_root(2), notes.
    """
    explain.step("pivot_root", "the root filesystem becomes /, the host's tree goes out of reach")
    os.chdir(root)
    linux.pivot_root(".", ".")
    linux.mount(None, ".", None, linux.MS_SLAVE | linux.MS_REC)
    linux.umount2(".", linux.MNT_DETACH)
    os.chdir("/")
    propagation = config["linux"].get("rootfsPropagation")
    if propagation:
        linux.mount(None, "/", None, PROPAGATION[propagation])


def make_readonly() -> None:
    """Make the mount that is / read-only; the mounts below it stay as they are."""
    change_flags("/", linux.MS_RDONLY)


def _device(path: str, major: int, minor: int) -> dict:
    return {"path": path, "type": "c", "major": major, "minor": minor}


def _link(target: str, name: str, directory: int) -> None:
    try:
        os.symlink(target, name, dir_fd=directory)
    except FileExistsError:
        return


def _if_there(root: str, path: str, act) -> None:
    try:
        fd = open_inside(root, path)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    try:
        act(root, path, fd)
    except OSError as error:
        raise ContainerError(f"cannot protect it: {error.strerror}", path) from None
    finally:
        os.close(fd)


def _bind_readonly(root: str, path: str, fd: int) -> None:
    linux.mount(shown(fd), shown(fd), None, linux.MS_BIND | linux.MS_REC)
    again = open_inside(root, path)
    change_flags(shown(again), linux.MS_RDONLY)
    os.close(again)


def _cover(root: str, path: str, fd: int) -> None:
    if stat.S_ISDIR(os.fstat(fd).st_mode):
        linux.mount("tmpfs", shown(fd), "tmpfs", linux.MS_RDONLY, "size=0k")
    else:
        linux.mount("/dev/null", shown(fd), None, linux.MS_BIND)

"""The files of a tree, by their places: found, made, and given their attributes.

Every directory is opened from the root on, following no link, and its files are
reached by the *at() calls, so that no other directory can take its place
meanwhile. Where the platform lacks them (Windows), a directory is a plain path.
What an ordinary user or the file system cannot do is left out, and said once.
Source: openat(2), "Rationale for openat() and other directory file descriptor
APIs"; chown(2), xattr(7), utimensat(2); image-spec, layer.md, "File Attributes".
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat

from minicontainer import explain
from minicontainer.errors import ImageError

from .tar import BLOCK_DEVICE, CHARACTER_DEVICE, DIRECTORY, FIFO, FILE, SYMLINK, Entry

#: the way from the root to a file, by names: none is `..`, no parent is a symbolic link
Place = tuple[str, ...]
#: an open directory: a file descriptor, or a path where those can't be used
Directory = int | str

#: how many directories may lie in each other
DEEPEST_TREE = 256
_MOST_OPEN = 64

HAS_DIR_FD = {os.open, os.stat, os.mkdir, os.unlink} <= os.supports_dir_fd
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_OPEN = os.O_RDONLY | _NO_LINK | getattr(os, "O_DIRECTORY", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK | getattr(os, "O_BINARY", 0)
_NODES = {CHARACTER_DEVICE: stat.S_IFCHR, BLOCK_DEVICE: stat.S_IFBLK, FIFO: stat.S_IFIFO}

#: attributes that overlayfs and security modules of the host keep for themselves
_NEVER_SET = ("trusted.overlay.", "user.overlay.", "security.selinux", "system.nfs4_acl")
_CANNOT = (errno.EPERM, errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.ENOSYS, errno.ERANGE)
_LINK_TIMES = os.utime in os.supports_follow_symlinks


class Files:
    """The files below the directory `root`. Directories stay open, until limit() or close()."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._opened: dict[Place, Directory] = {}
        self._owners = hasattr(os, "geteuid") and os.geteuid() == 0
        self._said: set[str] = set()

    def directory(self, place: Place) -> Directory:
        """The directory at `place`, open. Raises OSError, and ImageError if it is too deep."""
        if place in self._opened:
            return self._opened[place]
        if len(place) > DEEPEST_TREE:
            raise ImageError(f"more than {DEEPEST_TREE} directories in each other", "/".join(place))
        if place:
            self._opened[place] = open_child(self.directory(place[:-1]), place[-1])
        else:
            self._opened[place] = open_directory(self._root)
        return self._opened[place]

    def limit(self) -> None:
        """Close directories if many are open: not between two steps of one thing."""
        if len(self._opened) > _MOST_OPEN:
            self.close()

    def close(self) -> None:
        """Close all directories; they are opened again where they are needed."""
        for directory in self._opened.values():
            close_directory(directory)
        self._opened.clear()

    def at(self, place: Place) -> tuple[str, int | None]:
        """The file at `place`, as the arguments `path` and `dir_fd` of the calls in os."""
        return at(self.directory(place[:-1]), place[-1] if place else ".")

    def mode(self, place: Place) -> int:
        """Type and permissions of what is at `place` itself; 0 if there is nothing."""
        try:
            path, dir_fd = self.at(place)
            return os.stat(path, dir_fd=dir_fd, follow_symlinks=False).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return 0

    def link_target(self, place: Place) -> str | None:
        """Where the symbolic link at `place` points to; None if there is none."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            path, dir_fd = self.at(place)
            with contextlib.suppress(OSError):
                return os.readlink(path, dir_fd=dir_fd)
        return None

    def names(self, place: Place) -> list[str]:
        """The names of what is in the directory at `place`; none if there is no directory."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return os.listdir(self.directory(place))
        return []

    def read(self, place: Place, most: int) -> bytes:
        """The first `most` bytes of the regular file at `place`."""
        path, dir_fd = self.at(place)
        with open(os.open(path, os.O_RDONLY | _NO_LINK, dir_fd=dir_fd), "rb") as file:
            return file.read(most)

    def make(self, entry: Entry, place: Place) -> None:
        """Make what `entry` describes, no hard link, at `place`. Raises FileExistsError.

        It gets its attributes, too, but a directory only by set_attributes: work in
        it needs another mode, and changes its times.
        """
        path, dir_fd = self.at(place)
        if entry.type == DIRECTORY:
            os.mkdir(path, 0o700, dir_fd=dir_fd)
            return
        if entry.type == FILE:
            _write(entry, os.open(path, _CREATE, 0o600, dir_fd=dir_fd))
        elif entry.type == SYMLINK:
            os.symlink(entry.link, path, dir_fd=dir_fd)
        elif not self._make_node(entry, path, dir_fd):
            return
        self._set_attributes(entry, path, dir_fd)

    def _make_node(self, entry: Entry, path: str, dir_fd: int | None) -> bool:
        """A device or a FIFO; devices are root's to make, and left out by others."""
        try:
            os.mknod(path, _NODES[entry.type] | 0o600, os.makedev(*entry.device), dir_fd=dir_fd)
        except (PermissionError, AttributeError):
            self._say("devices", f"{entry.name} is left out: making a device needs root")
            return False
        return True

    def link(self, first: Place, place: Place) -> None:
        """Give the file at `first` a second name; link(2) follows no symbolic link there."""
        source, source_fd = self.at(first)
        path, dir_fd = self.at(place)
        follow = os.link not in os.supports_follow_symlinks  # Windows
        os.link(source, path, src_dir_fd=source_fd, dst_dir_fd=dir_fd, follow_symlinks=follow)

    def set_attributes(self, entry: Entry, place: Place) -> None:
        """Give what is at `place` the owner, attributes, mode and times of `entry`."""
        self._set_attributes(entry, *self.at(place))

    def _set_attributes(self, entry: Entry, path: str, dir_fd: int | None) -> None:
        """The order matters: a change of owner clears set-uid bits and capabilities,
        a mode may forbid attributes, and whatever comes later may change times.
        """
        if self._owners:
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
            owner = f"{entry.uid}:{entry.gid}"
            self._say("owners", f"{entry.name} keeps its owner: {owner} can't be set")

    def _set_xattrs(self, entry: Entry, path: str, dir_fd: int | None) -> None:
        if not hasattr(os, "setxattr") or dir_fd is None:
            self._say("xattrs", "extended attributes are left out: this system has none")
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
                self._say(f"xattr {name}", f"{entry.name} goes without {name}: {error.strerror}")

    def _say(self, kind: str, text: str) -> None:
        """Tell the listener, once for each kind."""
        if kind not in self._said:
            self._said.add(kind)
            explain.emit("note", text)


def _write(entry: Entry, file: int) -> None:
    """The content of `entry`, into the new file that is open as `file`; holes stay holes."""
    try:
        end = 0
        for offset, piece in entry.content():
            if offset != end:
                os.lseek(file, offset, os.SEEK_SET)
            end = offset + len(piece)
            while piece:
                piece = piece[os.write(file, piece) :]
        if end != entry.size:
            os.ftruncate(file, entry.size)
    finally:
        os.close(file)


def open_directory(path: str) -> Directory:
    """The directory at `path`, whose links are followed: that is for names we made ourselves."""
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY) if HAS_DIR_FD else path


def open_child(directory: Directory, name: str) -> Directory:
    """The directory `name` in `directory`; NotADirectoryError if it is a symbolic link."""
    path, dir_fd = at(directory, name)
    if dir_fd is not None:
        return os.open(path, _OPEN, dir_fd=dir_fd)
    if not stat.S_ISDIR(os.lstat(path).st_mode):
        raise NotADirectoryError(20, "Not a directory", path)
    return path


def at(directory: Directory, name: str) -> tuple[str, int | None]:
    """`name` in `directory`, as the arguments `path` and `dir_fd` of the calls in os."""
    if isinstance(directory, int):
        return name, directory
    if set(name) & {"\\", ":"}:  # separators on Windows
        raise ImageError("this system can't have a file of that name", name)
    return os.path.join(directory, name), None


def close_directory(directory: Directory) -> None:
    """Close what open_directory or open_child gave."""
    if isinstance(directory, int):
        os.close(directory)

"""Files that appear whole; and what the disk refuses (no space, no permission), in plain words."""

from __future__ import annotations

import errno
import os

from minicontainer.errors import ImageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_ELSEWHERE = " (for images and containers, XDG_DATA_HOME names one)"
#: errno -> what to do when a directory of ours refuses a file
HINTS = {
    errno.ENOSPC: f"free some space, or use a directory on another disk{_ELSEWHERE}",
    errno.EDQUOT: "your quota is used up: free some space, or use a directory on another disk",
    errno.EACCES: f"use a directory that you may write, or change its owner or mode{_ELSEWHERE}",
    errno.EPERM: f"use a directory that you may write, or change its owner or mode{_ELSEWHERE}",
    errno.EROFS: f"use a directory on another disk{_ELSEWHERE}",
}


def write_whole(path: os.PathLike | str, content: bytes, mode: int = 0o644) -> None:
    """Let the file at `path` hold `content`: readers find the old one or the new one, never half.

    It is written beside it and renamed; if that fails, nothing is left. Raises OSError.
    """
    directory, name = os.path.split(path)
    draft = os.path.join(directory, f".{name[:200]}.{os.urandom(4).hex()}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
        os.replace(draft, path)
    except BaseException:
        _remove(draft)
        raise


def files_below(root: os.PathLike[str] | str) -> Iterator[tuple[str, os.stat_result]]:
    """All that is below `root` and no directory, in order: its name there, and what lstat(2) says.

    No link is followed; what can't be read, or goes meanwhile, is left out.
    """
    for directory, below, names in os.walk(root):
        below.sort()
        for path in (os.path.join(directory, name) for name in sorted(names)):
            try:
                yield os.path.relpath(path, root), os.lstat(path)
            except OSError:
                continue


def make_open_directory(path: os.PathLike | str) -> None:
    """Make the directory `path` for all to enter; umask and a parent's set-gid bit do not count.

    The top of a root filesystem is such a one: users of the container have to pass it.
    """
    os.mkdir(path)
    if hasattr(os, "chown"):
        os.chown(path, -1, os.getegid())
    os.chmod(path, 0o755)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return


class plain_errors:  # a class, since contextlib would cost a runtime a tenth of its time
    """Turn an OSError (no space, no permission, …) into an ImageError that names `where`."""

    def __init__(self, where: os.PathLike | str) -> None:
        self.where = os.fspath(where)

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: object, _traceback: object) -> None:
        if not isinstance(error, OSError):
            return
        path = error.filename if isinstance(error.filename, str) else ""
        shown = os.path.join(self.where, path) if path else self.where
        what = error.strerror or str(error)
        hint = HINTS.get(error.errno or 0, "")
        raise ImageError(what[:1].lower() + what[1:], shown, hint) from error

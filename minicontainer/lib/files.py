"""What the disk refuses (no space, no permission, …), said in plain words."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator

from minicontainer.errors import ImageError

_HINTS = {
    errno.ENOSPC: "free some space, or use a directory on another disk",
    errno.EDQUOT: "your quota is used up: free some space, or use a directory on another disk",
    errno.EACCES: "use a directory that you may write, or change its owner or mode",
    errno.EPERM: "use a directory that you may write, or change its owner or mode",
    errno.EROFS: "use a directory on another disk",
}


@contextlib.contextmanager
def plain_errors(where: os.PathLike | str) -> Iterator[None]:
    """Turn an OSError (no space, no permission, …) into an ImageError that names `where`."""
    try:
        yield
    except OSError as error:
        path = error.filename if isinstance(error.filename, str) else ""
        shown = os.path.join(where, path) if path else os.fspath(where)
        what = error.strerror or str(error)
        hint = _HINTS.get(error.errno or 0, "")
        raise ImageError(what[:1].lower() + what[1:], shown, hint) from error

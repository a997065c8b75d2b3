"""One process at a time, where the platform has file locks.

Source: flock(2). Windows has no fcntl; there the locks do nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock on the file `path`, made if need be, waiting for others to let go of it."""
    handle = _open(path)
    try:
        _lock(handle, wait=True, shared=shared)
        yield
    finally:
        os.close(handle)


def try_lock(path: Path) -> int | None:
    """Lock the file `path` until the descriptor given is closed; None if another holds it."""
    handle = _open(path)
    try:
        _lock(handle, wait=False, shared=False)
    except OSError as error:
        os.close(handle)
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return None
        raise
    return handle


def _open(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)


def _lock(handle: int, *, wait: bool, shared: bool) -> None:
    if fcntl is not None:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(handle, kind if wait else kind | fcntl.LOCK_NB)

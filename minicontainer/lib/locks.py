"""One process at a time, where the platform has file locks.

Source: flock(2). Windows has no fcntl; there the locks do nothing.
"""

from __future__ import annotations

import contextlib
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
    handle = _lock(path, shared=shared, wait=True)
    try:
        yield
    finally:
        os.close(handle)


def try_lock(path: Path) -> int | None:
    """Lock the file `path` until the descriptor given is closed; None if another holds it."""
    try:
        return _lock(path, shared=False, wait=False)
    except BlockingIOError:
        return None


def _lock(path: Path, *, shared: bool, wait: bool) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if fcntl is not None:
            kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            fcntl.flock(handle, kind if wait else kind | fcntl.LOCK_NB)
    except BaseException:
        os.close(handle)
        raise
    return handle

"""Where warnings and errors go: the file of --log, as engines want it, and standard error.

One line a message; the JSON shape is the one that podman and containerd parse.
"""

from __future__ import annotations

import os
import sys
import time

from .jsontext import dumps

_fd: int | None = None
_format = "text"


def configure(path: str | None, shape: str) -> None:
    """Send messages to the file `path` too, as lines of `shape` ("text" or "json").

    It is opened now: init writes to it too, from where `path` means another file.
    """
    global _fd, _format
    _format = shape
    if path is not None:
        _fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)


def warn(message: str) -> None:
    """Something went wrong that the specification lets pass."""
    _write("warning", message)


def error(message: str) -> None:
    """The command has failed."""
    _write("error", message)


def _write(level: str, message: str) -> None:
    one_line = message.replace("\n", "; ")
    if _fd is not None:
        os.write(_fd, f"{_line(level, one_line)}\n".encode())
    mark = "" if level == "error" else f"{level}: "
    print(f"minirunc: {mark}{message}", file=sys.stderr, flush=True)


def _line(level: str, message: str) -> str:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    if _format == "json":
        return dumps({"level": level, "msg": message, "time": now})
    return f"time={dumps(now)} level={level} msg={dumps(message)}"

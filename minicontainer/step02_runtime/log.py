"""Where warnings and errors go: the file of --log, as engines want it, and standard error.

One line a message; the JSON shape is the one that podman and containerd parse.
"""

from __future__ import annotations

import json
import os
import sys
import time

_path: str | None = None
_format = "text"


def configure(path: str | None, shape: str) -> None:
    """Send messages to the file `path` too, as lines of `shape` ("text" or "json")."""
    global _path, _format
    _path, _format = path, shape


def warn(message: str) -> None:
    """Something went wrong that the specification lets pass."""
    _write("warning", message)


def error(message: str) -> None:
    """The command has failed."""
    _write("error", message)


def _write(level: str, message: str) -> None:
    one_line = message.replace("\n", "; ")
    if _path:
        line = _as_json(level, one_line) if _format == "json" else _as_text(level, one_line)
        fd = os.open(_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.write(fd, line.encode())
        os.close(fd)
    mark = "" if level == "error" else f"{level}: "
    print(f"minirunc: {mark}{message}", file=sys.stderr, flush=True)


def _as_json(level: str, message: str) -> str:
    return json.dumps({"level": level, "msg": message, "time": _now()}) + "\n"


def _as_text(level: str, message: str) -> str:
    return f"time={json.dumps(_now())} level={level} msg={json.dumps(message)}\n"


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())

"""How do the runtime and the container's init talk while a container is made?

Two pipes and lines of JSON, one a message. When a side dies, the other reads
the end of the file: nobody waits for a dead process.
"""

from __future__ import annotations

import os

from minicontainer import errors
from minicontainer.errors import ContainerError, MinicontainerError

from .jsontext import dumps, loads


class Channel:
    """One end: send and receive messages, which are dicts."""

    def __init__(self, reading: int, writing: int) -> None:
        self.reading, self.writing = reading, writing
        self._rest = b""

    def send(self, **message: object) -> None:
        """Send `message`. Raises BrokenPipeError when the other side is gone."""
        text = dumps(message).encode() + b"\n"
        while text:
            text = text[os.write(self.writing, text) :]

    def receive(self) -> dict:
        """The next message; raises the error that the other side has sent, or EOFError."""
        while b"\n" not in self._rest:
            piece = os.read(self.reading, 65536)
            if not piece:
                raise EOFError
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        message = loads(line)
        if "error" in message:
            raise getattr(errors, message["kind"], ContainerError)(*message["error"])
        return message

    def send_error(self, error: BaseException) -> None:
        """Send what went wrong, to be raised by the other side's receive()."""
        if isinstance(error, MinicontainerError):
            self.send(kind=type(error).__name__, error=[error.what, error.where, error.hint])
        elif isinstance(error, OSError):
            what = [error.strerror or str(error), str(error.filename or ""), ""]
            self.send(kind="ContainerError", error=what)
        else:
            what = [f"{type(error).__name__}: {error}", "init", ""]
            self.send(kind="ContainerError", error=what)

    def close(self) -> None:
        os.close(self.reading)
        os.close(self.writing)


def open_channel() -> tuple[Channel, Channel]:
    """Two ends that are connected with each other."""
    here, there = os.pipe(), os.pipe()
    return Channel(here[0], there[1]), Channel(there[0], here[1])

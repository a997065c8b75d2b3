"""Connections on which also the head of an answer must come in time.

A read timeout starts anew with each byte, so a server could send its headers
one byte at a time for days. Here a timer ends such a connection.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

HEAD_SECONDS = 90


@contextlib.contextmanager
def deadline(connection: socket.socket | None) -> Iterator[None]:
    """Shut `connection` down if the block takes longer than HEAD_SECONDS."""
    timer = threading.Timer(HEAD_SECONDS, shut_down, [connection])
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def shut_down(connection: socket.socket | None) -> None:
    with contextlib.suppress(OSError):
        if connection is not None:
            connection.shutdown(socket.SHUT_RDWR)


class _Http(HTTPConnection):
    def getresponse(self) -> Any:
        with deadline(self.sock):
            return super().getresponse()


class _Https(HTTPSConnection):
    def getresponse(self) -> Any:
        with deadline(self.sock):
            return super().getresponse()


class HttpPool(urllib3.HTTPConnectionPool):
    """Connections to one server by http."""

    ConnectionCls = _Http


class HttpsPool(urllib3.HTTPSConnectionPool):
    """Connections to one server by https."""

    ConnectionCls = _Https

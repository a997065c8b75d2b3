"""The connections of a session: requests go out as they were written, answers' heads come in time.

urllib3 writes escapes anew (`%2f` becomes `%2F`), which breaks the signature of a redirect's
address. And a read timeout starts anew with each byte, so a server could send its headers
for days.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

#: the head of an answer must have come by then
HEAD_SECONDS = 90


class Adapter(HTTPAdapter):
    """Connections whose requests go out as they were written, and whose answers come in time."""

    def __init__(self, cancelled: threading.Event) -> None:
        super().__init__()
        self._cancelled = cancelled
        self._awaited: set[socket.socket | None] = set()

    @contextlib.contextmanager
    def awaiting(self, connection: socket.socket | None) -> Iterator[None]:
        """Shut `connection` down if the block takes longer than HEAD_SECONDS, or is cancelled."""
        timer = threading.Timer(HEAD_SECONDS, shut_down, [connection])
        timer.start()
        self._awaited.add(connection)
        if self._cancelled.is_set():  # before it could be interrupted
            shut_down(connection)
        try:
            yield
        finally:
            self._awaited.discard(connection)
            timer.cancel()
            timer.join()

    def interrupt(self) -> None:
        """After `cancelled` was set: wake all threads that wait for the head of an answer."""
        for connection in list(self._awaited):
            shut_down(connection)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """As requests does it, with connections of ours."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """As requests does it, with connections of ours."""
        manager = super().proxy_manager_for(proxy, **options)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = POOLS
        return manager

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        """What requests would ask for; the connection is told how it was written."""
        normal = super().request_url(request, proxies)
        _sending.set((as_written(getattr(request, "written", ""), normal), self))
        return normal


#: what this thread is about to send: the target as it was written; and by which adapter
_sending: ContextVar[tuple[str, Adapter]] = ContextVar("sending")


def as_written(address: str, normal: str) -> str:
    """Path and query of `address`, with all that `normal` has before its path.

    What stands there can't be sent as it is if it has spaces or no ASCII: then `normal`.
    """
    parts = r"(?i)(https?://[^/?#]*)?([\x21\x22\x24-\x7e]*)(?:#.*)?"
    written, start = re.fullmatch(parts, address), re.match(parts, normal)
    if not address or written is None or start is None:
        return normal
    return (start[1] or "") + (written[2] if written[2].startswith("/") else f"/{written[2]}")


class _Verbatim(HTTPConnection):
    """A connection that changes nothing about a request, and waits for its answer's head."""

    def putrequest(self, method: str, url: str, *arguments: Any, **options: Any) -> None:
        super().putrequest(method, _sending.get()[0], *arguments, **options)

    def getresponse(self) -> Any:
        with _sending.get()[1].awaiting(self.sock):
            return super().getresponse()


class _VerbatimTls(_Verbatim, HTTPSConnection):
    """The same by https."""


class HttpPool(urllib3.HTTPConnectionPool):
    """Connections to one server by http."""

    ConnectionCls = _Verbatim


class HttpsPool(urllib3.HTTPSConnectionPool):
    """Connections to one server by https."""

    ConnectionCls = _VerbatimTls


POOLS: dict[str, Any] = {"http": HttpPool, "https": HttpsPool}


def shut_down(connection: socket.socket | None) -> None:
    """End it in both directions, whoever reads from it."""
    with contextlib.suppress(OSError):
        if connection is not None:
            connection.shutdown(socket.SHUT_RDWR)

"""How does one request get to a server, and its answer back?

In: method, address, headers. Out: a Response, whose body is read piece by
piece. Proxies and certificates are taken from the environment, every wait has
an end, and each failure is one of failures.py. Redirects, retries and tokens
are other modules' business. RFC 9110, RFC 9112.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

import urllib3

from minicontainer import __version__, explain

from .addresses import is_loopback, origin
from .connections import new_pool, proxy_for
from .curl import curl_command, shown_address
from .failures import BadAnswer, Cancelled, ConnectionLost, NotReached, RegistryError

CONNECT_SECONDS = 15
#: the longest silence
READ_SECONDS = 30
#: a body must bring this many bytes in this time, else it stands still
LEAST_PROGRESS, PROGRESS_SECONDS = 16 * 1024, 60
CHUNK = 256 * 1024
SMALL_BODY = 64 * 1024
#: seconds to wait before each further attempt
PAUSES = (0.2, 1.0, 3.0)


class Transport:
    """Connections that are kept open and used again; may be used by several threads.

    `plain_http` allows http with hosts other than this machine.
    """

    def __init__(self, *, plain_http: bool = False, pauses: tuple[float, ...] = PAUSES) -> None:
        self.plain_http, self.pauses = plain_http, pauses
        self.read_seconds, self.progress_seconds = READ_SECONDS, PROGRESS_SECONDS
        self._pools: dict[tuple[str, str | None], urllib3.PoolManager] = {}
        self._lock = threading.Lock()
        self._live: set[Response] = set()
        self._cancelled = threading.Event()

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Mapping[str, str] | None = None,
    ) -> Response:
        """Send one request; gives whatever answer comes. `body` is sent as a form.

        Raises NotReached, ConnectionLost, BadAnswer, Cancelled.
        """
        scheme, host, _ = origin(url)
        if scheme == "http" and not (self.plain_http or is_loopback(host)):
            hint = "--plain-http allows it for a registry in a network that you trust"
            raise NotReached("plain http is for this machine only", shown_address(url), hint)
        headers = {
            "User-Agent": f"minicontainer/{__version__}",
            "Accept-Encoding": "identity",
            **headers,
        }
        if explain.listener is not None:
            explain.emit("request", curl_command(method, url, headers, body), method=method)
        begin = time.monotonic()
        raw = self._urlopen(method, url, headers, body)
        response = Response(self, raw, url)
        seconds = time.monotonic() - begin
        explain.emit("response", f"{raw.status} {raw.reason or ''}", seconds=seconds, url=url)
        self._live.add(response)
        return response

    def _urlopen(
        self, method: str, url: str, headers: dict[str, str], body: Mapping[str, str] | None
    ) -> urllib3.BaseHTTPResponse:
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=self.read_seconds)
        self.check_not_cancelled()
        content = None
        if body is not None:
            content = urllib.parse.urlencode(body).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        with plain_failures(url):
            return self._pool(url).urlopen(
                method,
                url,
                body=content,
                headers=headers,
                preload_content=False,
                redirect=False,
                retries=False,
                timeout=timeout,
            )

    def _pool(self, url: str) -> urllib3.PoolManager:
        """The pool for `url`: one for direct connections, one for each proxy."""
        key = (origin(url)[0], proxy_for(url))
        with self._lock:
            if key not in self._pools:
                self._pools[key] = new_pool(*key)
            return self._pools[key]

    def pause(self, seconds: float) -> None:
        """Wait; raises Cancelled when the wait has lost its purpose."""
        self._cancelled.wait(seconds)
        self.check_not_cancelled()

    def cancel(self) -> None:
        """Make every request that is under way, in whatever thread, fail at once."""
        self._cancelled.set()
        for response in list(self._live):
            response.interrupt()

    def resume(self) -> None:
        """After `cancel`, once all threads have ended: requests are possible again."""
        self._cancelled.clear()

    def check_not_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled("cancelled")

    def close(self) -> None:
        """Close all connections; the transport may still be used, and opens new ones."""
        with self._lock:
            for pool in self._pools.values():
                pool.clear()
        for response in list(self._live):
            response.close()


class Response:
    """An answer: `status`, `headers` (any case), `url`; its body is still on the way.

    Use it in a `with` statement, so that the connection is given back.
    """

    def __init__(self, transport: Transport, raw: urllib3.BaseHTTPResponse, url: str) -> None:
        self._transport, self._raw, self.url = transport, raw, url
        self.status, self.headers = raw.status, raw.headers

    def __repr__(self) -> str:
        return f"<a response, status {self.status}>"

    def __enter__(self) -> Response:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def stream(self, expected: int | None = None) -> Iterator[bytes]:
        """The body in chunks, as they arrive.

        Raises ConnectionLost when it breaks off, stands still, or ends before
        `expected` bytes; how much is too much, the caller must say.
        """
        received, mark, since = 0, 0, time.monotonic()
        while chunk := self._read_some():
            received += len(chunk)
            yield chunk
            now = time.monotonic()
            if received - mark >= LEAST_PROGRESS:
                mark, since = received, now
            elif now - since > self._transport.progress_seconds:
                raise ConnectionLost("the answer comes too slowly", shown_address(self.url))
        if expected is not None and received < expected:
            what = f"the answer ended after {received} of {expected} bytes"
            raise ConnectionLost(what, shown_address(self.url))

    def _read_some(self) -> bytes:
        self._transport.check_not_cancelled()
        with plain_failures(self.url):
            return self._raw.read1(CHUNK, decode_content=False) or b""

    def read(self, limit: int) -> bytes:
        """The whole body. Raises BadAnswer if it has more than `limit` bytes; ConnectionLost."""
        content = bytearray()
        for chunk in self.stream():
            content += chunk
            if len(content) > limit:
                self.close()
                what = f"the answer is longer than {limit} bytes"
                raise BadAnswer(what, shown_address(self.url))
        return bytes(content)

    def json(self, limit: int) -> dict[str, Any]:
        """The body as a JSON object. Raises BadAnswer, ConnectionLost."""
        content = self.read(limit)
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise BadAnswer("the answer is not a JSON object", shown_address(self.url))
        return document

    def close(self) -> None:
        """Done with it: the connection is ended, unless the body was read to its end."""
        self._transport._live.discard(self)
        self._raw.close()

    def drop(self) -> None:
        """Close it without a look at the body; a short one is read, to keep the connection."""
        length = self.headers.get("Content-Length", "")
        with contextlib.suppress(RegistryError), self:
            if length.isdecimal() and int(length) <= SMALL_BODY:
                for _ in self.stream():
                    pass

    def interrupt(self) -> None:
        """Wake a thread that waits for more of the body."""
        connection = getattr(self._raw, "_connection", None)
        with contextlib.suppress(OSError, AttributeError):
            connection.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]


@contextlib.contextmanager
def plain_failures(url: str) -> Iterator[None]:
    """Turn what urllib3 and the system raise into one clear message."""
    try:
        yield
    except urllib3.exceptions.HTTPError as problem:
        raise failure_for(problem, url) from problem
    except (OSError, ValueError) as problem:
        raise ConnectionLost(
            str(problem) or "the connection broke", shown_address(url)
        ) from problem


def failure_for(problem: Exception, url: str) -> RegistryError:
    """The failure of ours that says what `problem` of urllib3 means."""
    errors = urllib3.exceptions
    where, host = shown_address(url), origin(url)[1]
    if isinstance(problem, errors.ProxyError):
        return NotReached("the proxy can't be reached", where, "check http_proxy and https_proxy")
    if isinstance(problem, errors.NameResolutionError):
        return NotReached(f"there is no host {host}", where, "check the name and your network")
    if isinstance(problem, errors.ConnectTimeoutError) and not isinstance(
        problem, errors.NewConnectionError
    ):
        return NotReached(f"no answer within {CONNECT_SECONDS} seconds", where)
    if isinstance(problem, errors.NewConnectionError):
        return NotReached(connect_problem(problem), where, "does a registry run there?")
    if isinstance(problem, errors.SSLError):
        return tls_failure(str(problem), where)
    if isinstance(problem, errors.ReadTimeoutError):
        return ConnectionLost("no answer in time", where)
    if isinstance(problem, errors.LocationParseError):
        return BadAnswer("that is no http or https address", where)
    return ConnectionLost("the connection was closed before the answer was complete", where)


def connect_problem(problem: urllib3.exceptions.NewConnectionError) -> str:
    """`connection refused`, out of urllib3's longer sentence."""
    reason = problem.__cause__
    return (getattr(reason, "strerror", None) or "no connection").lower()


def tls_failure(reason: str, where: str) -> NotReached:
    """A handshake that failed: nobody speaks TLS there, or it is not who it should be."""
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        hint = "if you trust its own authority, name that file in SSL_CERT_FILE"
        return NotReached("the server's certificate can't be verified", where, hint)
    hint = "if it speaks plain http, and you trust the network, use --plain-http"
    return NotReached("the server does not answer with TLS", where, hint)

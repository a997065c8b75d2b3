"""A `requests.Session` for registries: what it does differently, and why.

Redirects are never followed by itself, ~/.netrc and cookies stay out of it, and the address
of a redirect, which may be signed, goes out as it came. Every wait has an end: requests'
timeouts start anew with each byte. What fails, fails as one of http_errors.py.
Connections, proxies, certificates and their pooling are requests'. RFC 9110, RFC 9112.
"""

from __future__ import annotations

import contextlib
import http.cookiejar
import os
import ssl
import threading
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

import requests
from requests.structures import CaseInsensitiveDict

from minicontainer import __version__, explain

from .addresses import is_loopback, origin
from .connections import Adapter
from .curl import curl_command, shown_address
from .http_errors import Cancelled, ConnectionLost, NotReached
from .http_failures import CONNECT_SECONDS, plain_failures

#: seconds to wait before each further attempt
PAUSES = (0.2, 1.0, 3.0)
#: the longest silence
READ_SECONDS = 30
#: a body must bring this many bytes in this time, else it stands still
LEAST_PROGRESS, PROGRESS_SECONDS = 16 * 1024, 60
#: files or directories of authorities; without one, the system's count
AUTHORITIES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class Session(requests.Session):
    """Connections that are kept open and used again; may be used by several threads.

    `plain_http` allows http with hosts other than this machine, `pauses` are the seconds
    before each further attempt (retries.py).
    """

    def __init__(self, *, plain_http: bool = False, pauses: tuple[float, ...] = PAUSES) -> None:
        super().__init__()
        self.plain_http, self.pauses = plain_http, pauses
        self.read_seconds, self.progress_seconds = READ_SECONDS, PROGRESS_SECONDS
        agent = f"minicontainer/{__version__}"
        self.headers = CaseInsensitiveDict({"User-Agent": agent, "Accept-Encoding": "identity"})
        self.auth = lambda request: request  # with an auth of its own it leaves ~/.netrc alone
        self.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=()))
        self._bodies: set[Body] = set()
        self._cancelled = threading.Event()
        self.mount("https://", Adapter(self._cancelled))
        self.mount("http://", Adapter(self._cancelled))

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """As requests does it, but the address is remembered as it was written."""
        with plain_failures(str(request.url)):
            prepared = super().prepare_request(request)
        prepared.written = prepared.url if request.params else request.url  # type: ignore
        return prepared

    def merge_environment_settings(self, url: Any, *settings: Any) -> dict[str, Any]:
        """Proxies and authorities that the environment names; no proxy for this machine."""
        merged = super().merge_environment_settings(url, *settings)
        scheme, host, _ = origin(url)
        if is_loopback(host):
            merged["proxies"] = {}
        if scheme == "https" and merged["verify"] is not False:
            merged["verify"] = authorities()
        return merged

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send one request; gives whatever answer comes.

        Raises NotReached, ConnectionLost, BadAnswer, Cancelled.
        """
        url = str(getattr(request, "written", request.url))
        self.check_not_cancelled()
        self._check_plain_http(url)
        self._tell(request, url)
        options["timeout"] = options.get("timeout") or (CONNECT_SECONDS, self.read_seconds)
        begin = time.monotonic()
        with plain_failures(url):
            response = super().send(request, **{**options, "stream": True})
        said = f"{response.status_code} {response.reason or ''}"
        explain.emit("response", said, seconds=time.monotonic() - begin, url=url)
        response.raw = Body(response.raw, self, self._bodies, url)
        if not options.get("stream"):
            response.content  # noqa: B018  read now, as requests does it
        return response

    def _tell(self, request: requests.PreparedRequest, url: str) -> None:
        if explain.listener is not None:
            form = dict(urllib.parse.parse_qsl(str(request.body or "")))
            headers = {name: str(value) for name, value in request.headers.items()}
            command = curl_command(str(request.method), url, headers, form)
            explain.emit("request", command, method=request.method)

    def get_redirect_target(self, response: requests.Response) -> None:
        """None: whoever follows a redirect decides about it. requests would read it to its end."""

    def _check_plain_http(self, url: str) -> None:
        scheme, host, _ = origin(url)
        if scheme == "http" and not (self.plain_http or is_loopback(host)):
            hint = "--plain-http allows it for a registry in a network that you trust"
            raise NotReached("plain http is for this machine only", shown_address(url), hint)

    def wait(self, seconds: float) -> None:
        """Wait; raises Cancelled when the wait has lost its purpose."""
        self._cancelled.wait(seconds)
        self.check_not_cancelled()

    def cancel(self) -> None:
        """Make every request that is under way, in whatever thread, fail at once."""
        self._cancelled.set()
        for waiting in (*self.adapters.values(), *list(self._bodies)):
            if isinstance(waiting, Adapter | Body):
                waiting.interrupt()

    def resume(self) -> None:
        """After `cancel`, once all threads have ended: requests are possible again."""
        self._cancelled.clear()

    def check_not_cancelled(self) -> None:
        """Raises Cancelled."""
        if self._cancelled.is_set():
            raise Cancelled("cancelled")

    def close(self) -> None:
        """Close all connections; the session may still be used, and opens new ones."""
        super().close()
        for body in list(self._bodies):
            body.close()


class Body:
    """In the place of urllib3's response as `Response.raw`: bytes come as they are, and in time."""

    def __init__(self, raw: Any, session: Session, open_ones: set[Body], url: str) -> None:
        self._raw, self._session, self._open_ones, self._url = raw, session, open_ones, url
        open_ones.add(self)

    def stream(self, amount: int, decode_content: bool | None = None) -> Iterator[bytes]:
        """The body, in chunks of at most `amount` bytes. Raises ConnectionLost, Cancelled."""
        received, mark, since = 0, 0, time.monotonic()
        while chunk := self._read_some(amount):
            received += len(chunk)
            yield chunk
            now = time.monotonic()
            if received - mark >= LEAST_PROGRESS:
                mark, since = received, now
            elif now - since > self._session.progress_seconds:
                raise ConnectionLost("the answer comes too slowly", shown_address(self._url))
        self._open_ones.discard(self)

    def _read_some(self, amount: int) -> bytes:
        self._session.check_not_cancelled()
        with plain_failures(self._url):
            return self._raw.read1(amount, decode_content=False) or b""

    def close(self) -> None:
        """End the connection, unless the body was read to its end."""
        self._open_ones.discard(self)
        self._raw.close()

    def interrupt(self) -> None:
        """Wake a thread that waits for more of the body."""
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            self._raw.shutdown()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)


def authorities() -> str | bool:
    """The file or directory of authorities to trust; True for those that requests brings."""
    for name in AUTHORITIES:
        path = os.environ.get(name)
        if path and not os.path.exists(path):
            raise NotReached("there is no such file", path, f"${name} names it")
        if path:
            return path
    system = ssl.get_default_verify_paths()
    if system.capath and not os.listdir(system.capath):
        return system.cafile or True
    return system.cafile or system.capath or True

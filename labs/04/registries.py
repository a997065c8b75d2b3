"""A network without a network for lab 04: servers that misbehave when asked to.

In: a function that says what comes back for each request. Out: a `Wire`, a transport
adapter for requests, with a session that uses it and remembers how it was asked.
"""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from minicontainer.lib.session import Session

HOST = "reg.example"
HOME = f"https://{HOST}"


class Asked(NamedTuple):
    """One request. Header names are in lower case."""

    method: str
    url: str
    headers: dict[str, str]
    form: dict[str, str]

    @property
    def path(self) -> str:
        return urllib.parse.urlsplit(self.url).path

    @property
    def query(self) -> dict[str, str]:
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.url).query))

    @property
    def authorization(self) -> str | None:
        return self.headers.get("authorization")

    @property
    def start(self) -> int:
        """Where the part begins that a Range header asks for."""
        wanted = self.headers.get("range", "")
        return int(wanted.removeprefix("bytes=").partition("-")[0] or 0)


class Answer:
    """What comes back; the body is bytes, JSON or pieces, of which an exception breaks it off."""

    def __init__(self, status: int = 200, body: Any = b"", **headers: str) -> None:
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self._pieces = iter(_pieces(body))
        self.closed = False

    def read1(self, amount: int = -1) -> bytes:
        """The next piece, as a connection gives what has arrived."""
        piece = next(self._pieces, b"")
        if isinstance(piece, Exception):
            raise piece
        return piece

    read = read1

    def close(self) -> None:
        """Nothing is open, but whoever is done with an answer should say so."""
        self.closed = True


def _pieces(body: Any) -> Iterable[Any]:
    if isinstance(body, bytes):
        return [body]
    return [json.dumps(body).encode()] if isinstance(body, dict) else body


class Enough(Exception):
    """More requests than anybody could need."""


class Wire(HTTPAdapter):
    """Gives each request to `answer` and keeps it in `asked`; `session` sends all by it.

    No pauses between attempts. `options` are those with which the session was asked.
    """

    def __init__(self, answer: Callable[[Asked], Answer], most: int = 50) -> None:
        super().__init__()
        self.answer, self.most = answer, most
        self.asked: list[Asked] = []
        self.given: list[Answer] = []
        self.options: list[dict[str, Any]] = []
        self.session = _Session(self)
        self._counting = threading.Lock()

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """What requests calls for each request."""
        lower = {name.lower(): str(value) for name, value in request.headers.items()}
        form = dict(urllib.parse.parse_qsl(str(request.body or "")))
        url = str(getattr(request, "written", request.url))
        asked = Asked(str(request.method), url, lower, form)
        with self._counting:
            self.asked.append(asked)
        if len(self.asked) > self.most:
            raise Enough(f"{self.most} requests are enough")
        answer = self.answer(asked)
        self.given.append(answer)
        raw = HTTPResponse(answer, answer.headers, answer.status, preload_content=False)  # type: ignore[arg-type]
        return self.build_response(request, raw)

    @property
    def paths(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [asked.path for asked in self.asked]


class _Session(Session):
    """A session at one end of a wire."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(plain_http=True, pauses=(0.0, 0.0, 0.0))
        self.trust_env = False  # whatever proxies this machine has: and it is twice as fast
        self._options = wire.options
        self.mount("https://", wire)
        self.mount("http://", wire)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        self._options.append(options)
        return super().send(request, **options)

"""A network without a network for the checks of lab 04: servers that misbehave when asked to.

In: a function that says what comes back for each request. Out: a `Wire`, which
stands in for step 04's Transport and remembers what was asked, and `Direct`, a
Registry that uses none of the functions that learners write.
To be imported by checks only: it imports step 04.
"""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from urllib3 import HTTPHeaderDict

from minicontainer.step04_registry.client import Registry
from minicontainer.step04_registry.failures import refusal
from minicontainer.step04_registry.transport import Response, Transport

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
        self.status, self.reason, self.closed = status, "", False
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.headers = HTTPHeaderDict(named)
        self._pieces = iter(_pieces(body))

    def read1(self, amount: int, decode_content: bool = False) -> bytes:
        """The next piece, as urllib3 gives it to step 04's Response."""
        piece = next(self._pieces, b"")
        if isinstance(piece, Exception):
            raise piece
        return piece

    def close(self) -> None:
        """Nothing is open, but whoever is done with an answer should say so."""
        self.closed = True


def _pieces(body: Any) -> Iterable[Any]:
    if isinstance(body, bytes):
        return [body]
    return [json.dumps(body).encode()] if isinstance(body, dict) else body


class Enough(Exception):
    """More requests than anybody could need."""


class Wire(Transport):
    """Gives each request to `answer` and keeps it in `asked`. No pauses between attempts."""

    def __init__(self, answer: Callable[[Asked], Answer], most: int = 50) -> None:
        super().__init__(pauses=(0.0, 0.0, 0.0))
        self.answer, self.most = answer, most
        self.asked: list[Asked] = []
        self.given: list[Answer] = []
        self._counting = threading.Lock()

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Mapping[str, str] | None = None,
    ) -> Response:
        lower = {name.lower(): value for name, value in headers.items()}
        asked = Asked(method, url, lower, dict(body or {}))
        with self._counting:
            self.asked.append(asked)
        if len(self.asked) > self.most:
            raise Enough(f"{self.most} requests are enough")
        answer = self.answer(asked)
        self.given.append(answer)
        return Response(self, answer, url)  # type: ignore[arg-type]

    @property
    def paths(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [asked.path for asked in self.asked]


class Direct(Registry):
    """The registry at the other end of `wire`; it redirects nobody and wants no token.

    `known` is the token that was good last time, `fresh` what `renew` gives.
    """

    def __init__(self, wire: Wire, known: str = "", fresh: str = "Bearer fresh") -> None:
        super().__init__(HOST, transport=wire)
        self.wire, self.fresh = wire, fresh
        self.renewed: list[tuple[str, dict[str, str]]] = []
        if known:
            self._authorization = {"team/app": known}

    def get(
        self,
        path: str,
        repository: str,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
    ) -> Response:
        response = self.send(method, urllib.parse.urljoin(HOME, path), headers or {})
        if not 200 <= response.status < 300:
            with response:
                raise refusal(response.status, response.url, response.read(10_000))
        return response

    def send(self, method: str, url: str, headers: Mapping[str, str]) -> Response:
        return self.transport.send(method, url, headers)

    def renew(self, repository: str, challenge: str, used: dict[str, str]) -> dict[str, str]:
        self.renewed.append((challenge, used))
        self._authorization[repository] = self.fresh
        return {"Authorization": self.fresh}

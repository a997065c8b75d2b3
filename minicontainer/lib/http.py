"""Answers of servers, read with a limit; and the session that brings them.

What is read here is a `requests.Response`, as any `requests.Session` gives it when it
is asked with stream=True. requests itself is imported with the first session: that takes
as long as the rest of a start, and who runs an image that is here needs none.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

from .curl import shown_address
from .http_errors import BadAnswer, ConnectionLost, RegistryError, status_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import requests

    from .session import Session

CHUNK = 256 * 1024
SMALL_BODY = 64 * 1024
LARGEST_ERROR = 64 * 1024


def new_session(plain_http: bool = False) -> Session:
    """A `requests.Session` for registries; `plain_http` allows http with other machines."""
    from .session import Session

    return Session(plain_http=plain_http)


def read_chunks(response: requests.Response, expected: int | None = None) -> Iterator[bytes]:
    """The body in chunks, as they arrive; how much is too much, the caller must say.

    Raises ConnectionLost when it breaks off, stands still, or ends before `expected` bytes.
    """
    received = 0
    for chunk in response.iter_content(CHUNK):
        received += len(chunk)
        yield chunk
    if expected is not None and received < expected:
        what = f"the answer ended after {received} of {expected} bytes"
        raise ConnectionLost(what, shown_address(response.url))


def read_body(response: requests.Response, limit: int) -> bytes:
    """The whole body. Raises BadAnswer if it has more than `limit` bytes; ConnectionLost."""
    content = bytearray()
    for chunk in read_chunks(response):
        content += chunk
        if len(content) > limit:
            response.close()
            raise BadAnswer(f"the answer is longer than {limit} bytes", shown_address(response.url))
    return bytes(content)


def read_json(response: requests.Response, limit: int) -> dict[str, Any]:
    """The body as a JSON object. Raises BadAnswer, ConnectionLost."""
    content = read_body(response, limit)
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise BadAnswer("the answer is not a JSON object", shown_address(response.url))
    return document


def raise_for_status(response: requests.Response) -> None:
    """Raise NotFound, LoginNeeded or another StatusError, unless the answer is a good one."""
    if not 200 <= response.status_code < 300:
        with response:
            body = read_body(response, LARGEST_ERROR)
        raise status_error(response.status_code, shown_address(response.url), body)


def drop(response: requests.Response) -> None:
    """Close it without a look at the body; a short one is read, to keep the connection."""
    length = response.headers.get("Content-Length", "")
    with contextlib.suppress(RegistryError), response:
        if length.isdecimal() and int(length) <= SMALL_BODY:
            for _ in read_chunks(response):
                pass

"""The registry says: not here, look there. How far do we follow?

In: a request. Out: the answer of the server at the end of the way. The token
is for the registry alone: a storage service that is sent there by mistake may
log it, and S3 refuses requests that carry one. RFC 9110, sections 15.4 and 17.
"""

from __future__ import annotations

from collections.abc import Mapping

from .addresses import join, origin
from .curl import shown_address
from .failures import BadAnswer
from .transport import Response, Transport

MOST_REDIRECTS = 10
REDIRECTS = (301, 302, 303, 307, 308)


def follow_redirects(
    transport: Transport, method: str, url: str, headers: Mapping[str, str]
) -> Response:
    """The answer to GET or HEAD at the end of at most MOST_REDIRECTS redirects.

    `Location` may be relative to the address that was asked. The Authorization
    header goes to the server it was meant for and to no other (another port is
    another server); a redirect from https to http is refused. An answer with
    another status than those in REDIRECTS, or without Location, is the end.
    The answers on the way are dropped. The caller's `headers` are not changed.

    Raises BadAnswer for a redirect that must not be followed, and what
    Transport.send raises. Source: RFC 9110, section 15.4.
    """
    headers = dict(headers)
    for _ in range(MOST_REDIRECTS + 1):
        response = transport.send(method, url, headers)
        location = response.headers.get("Location")
        if response.status not in REDIRECTS or location is None:
            return response
        response.drop()
        target = join(url, location)
        if origin(target) != origin(url):
            headers.pop("Authorization", None)
        if origin(url)[0] == "https" and origin(target)[0] == "http":
            raise BadAnswer("a redirect from https to http is refused", shown_address(url))
        url = target
    raise BadAnswer(f"more than {MOST_REDIRECTS} redirects", shown_address(url))

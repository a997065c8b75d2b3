"""The registry says: not here, look there. How far do we follow?

In: a request. Out: the answer of the server at the end of the way. The token
is for the registry alone: a storage service that is sent there by mistake may
log it, and S3 refuses requests that carry one. RFC 9110, sections 15.4 and 17.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from minicontainer.lib.addresses import join, origin
from minicontainer.lib.curl import shown_address
from minicontainer.lib.http import drop
from minicontainer.lib.http_errors import BadAnswer

if TYPE_CHECKING:
    import requests

MOST_REDIRECTS = 10
REDIRECTS = (301, 302, 303, 307, 308)


def follow_redirects(
    session: requests.Session, method: str, url: str, headers: Mapping[str, str]
) -> requests.Response:
    """The answer to GET or HEAD at the end of at most MOST_REDIRECTS redirects; its body unread.

    requests would follow them by its own rules and read each body to its end, so it is told
    to do neither: allow_redirects=False, stream=True.

    `Location` may be relative to the address that was asked. The Authorization
    header goes to the server it was meant for and to no other (another port is
    another server); a redirect from https to http is refused. An answer with
    another status than those in REDIRECTS, or without Location, is the end.
    The answers on the way are dropped. The caller's `headers` are not changed.

    Raises BadAnswer for a redirect that must not be followed, and what the session
    raises. Source: RFC 9110, section 15.4.
    """
    headers = dict(headers)
    for _ in range(MOST_REDIRECTS + 1):
        response = session.request(method, url, headers=headers, stream=True, allow_redirects=False)
        location = response.headers.get("Location")
        if response.status_code not in REDIRECTS or location is None:
            return response
        drop(response)
        target = join(url, location)
        if origin(target) != origin(url):
            headers.pop("Authorization", None)
        if origin(url)[0] == "https" and origin(target)[0] == "http":
            raise BadAnswer("a redirect from https to http is refused", shown_address(url))
        url = target
    raise BadAnswer(f"more than {MOST_REDIRECTS} redirects", shown_address(url))

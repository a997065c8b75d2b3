"""When is it worth asking again, and when?

408, 429 and 5xx pass, and so does a broken connection; the server may say how
long to wait. How often, and after which pauses, is the session's to know.
RFC 9110, section 10.2.3 "Retry-After".
"""

from __future__ import annotations

import email.utils
import time
from collections.abc import Callable

from minicontainer import explain

from .http import drop
from .http_errors import ConnectionLost, RegistryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import requests

    from .session import Session

WORTH_RETRYING = (408, 429, 500, 502, 503, 504)
LONGEST_PAUSE = 60.0


def retrying(
    send: Callable[..., requests.Response], session: Session
) -> Callable[..., requests.Response]:
    """A function like `send(session, …)`, which has its session and asks again if it may help.

    The last answer is given back even if it is an error. A connection that breaks
    each time raises RegistryError.
    """

    def send_again(*arguments: object) -> requests.Response:
        for pause in session.pauses:
            try:
                response = send(session, *arguments)
            except ConnectionLost as lost:
                _wait(session, pause, lost.what)
            else:
                if response.status_code not in WORTH_RETRYING:
                    return response
                drop(response)
                seconds = wanted_pause(response.headers.get("Retry-After"), pause)
                _wait(session, seconds, f"the server answered {response.status_code}")
        try:
            return send(session, *arguments)
        except ConnectionLost as lost:
            tries = f"given up after {len(session.pauses) + 1} attempts"
            raise RegistryError(lost.what, lost.where, tries) from lost

    return send_again


class Retry:
    """How often one download may break off: `wait_after(failure)` pauses, or raises it for good."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._pauses = list(session.pauses)

    def wait_after(self, lost: ConnectionLost) -> None:
        """Wait before the next attempt. Raises RegistryError when there were enough."""
        if not self._pauses:
            hint = "what has arrived is kept: the next pull continues there"
            raise RegistryError(lost.what, lost.where, hint) from lost
        _wait(self._session, self._pauses.pop(0), lost.what)


def _wait(session: Session, seconds: float, reason: str) -> None:
    explain.emit("note", f"{reason}: asking again in {seconds:g} s")
    session.wait(seconds)


def wanted_pause(retry_after: str | None, otherwise: float) -> float:
    """Seconds to wait: what Retry-After says (seconds or a date), at most LONGEST_PAUSE."""
    if not retry_after:
        return otherwise
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time()
        except (ValueError, OverflowError):
            return otherwise
    return min(max(seconds, 0.0), LONGEST_PAUSE) if seconds == seconds else otherwise

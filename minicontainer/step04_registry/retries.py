"""When is it worth asking again, and when?

In: a request that may be made more than once. Out: its answer, or the last
failure. 408, 429 and 5xx pass, and so does a broken connection; the server may
say how long to wait. RFC 9110, section 10.2.3 "Retry-After".
"""

from __future__ import annotations

import email.utils
import time
from collections.abc import Callable

from minicontainer import explain

from .failures import ConnectionLost, RegistryError
from .transport import Response, Transport

WORTH_RETRYING = (408, 429, 500, 502, 503, 504)
LONGEST_PAUSE = 60.0


def insist(transport: Transport, send: Callable[[], Response]) -> Response:
    """The answer to `send()`, which is called again, after a pause, while it may help.

    The last answer is given back even if it is an error. A connection that
    breaks each time raises RegistryError. Seconds between calls: transport.pauses.
    """
    for pause in transport.pauses:
        try:
            response = send()
        except ConnectionLost as lost:
            wait(transport, pause, lost.what)
        else:
            if response.status not in WORTH_RETRYING:
                return response
            response.drop()
            seconds = wanted_pause(response.headers.get("Retry-After"), pause)
            wait(transport, seconds, f"the server answered {response.status}")
    try:
        return send()
    except ConnectionLost as lost:
        tries = f"given up after {len(transport.pauses) + 1} attempts"
        raise RegistryError(lost.what, lost.where, tries) from lost


class Patience:
    """How often one download may break off: `lose(failure)` waits, or raises it for good."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._pauses = list(transport.pauses)

    def lose(self, lost: ConnectionLost) -> None:
        """Wait before the next attempt. Raises RegistryError when there were enough."""
        if not self._pauses:
            hint = "what has arrived is kept: the next pull continues there"
            raise RegistryError(lost.what, lost.where, hint) from lost
        wait(self._transport, self._pauses.pop(0), lost.what)


def wait(transport: Transport, seconds: float, reason: str) -> None:
    explain.emit("note", f"{reason}: asking again in {seconds:g} s")
    transport.pause(seconds)


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

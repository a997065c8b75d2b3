"""What can go wrong between us and a server that speaks HTTP; its clients raise nothing else."""

from __future__ import annotations

import json

from minicontainer.errors import MinicontainerError

LONGEST_MESSAGE = 500


class RegistryError(MinicontainerError):
    """The registry could not be asked, or did not give what was asked for."""

    exit_status = 125


class NotReached(RegistryError):
    """No connection: nobody there, no such host, no common language."""


class ConnectionLost(RegistryError):
    """The connection broke or stood still; another attempt may succeed."""


class BadAnswer(RegistryError):
    """The answer breaks the rules of HTTP or of the specification."""


class Cancelled(RegistryError):
    """Another part of the same pull failed, or the user pressed Ctrl-C."""


class StatusError(RegistryError):
    """The answer's status says that there is no good one; `status` is HTTP's."""

    def __init__(self, status: int, what: str, where: str = "", hint: str = "") -> None:
        super().__init__(what, where, hint)
        self.status = status


class NotFound(StatusError):
    """404: no such repository, tag or blob, or one that we may not know of."""


class LoginNeeded(StatusError):
    """401 or 403: not without a login, or not with this one."""


def status_error(status: int, url: str, body: bytes) -> StatusError:
    """The error that an answer of 400 or more stands for, in the registry's own words.

    Spec: distribution-spec, spec.md, "Error Codes".
    """
    said = "; ".join(error_messages(body))
    if status == 404:
        return NotFound(status, said or "there is no such thing (404)", url)
    if status in (401, 403):
        hint = "log in first (the login is read from auth.json), or check the name"
        return LoginNeeded(status, said or f"access denied ({status})", url, hint)
    hint = "too many requests: wait, or log in for a higher limit" if status == 429 else ""
    what = f"the registry answered {status}{': ' if said else ''}{said}"
    return StatusError(status, what, url, hint)


def error_messages(body: bytes) -> list[str]:
    """The messages of an error document, each with its code; [] if it is none."""
    try:
        errors = json.loads(body)["errors"]
        pairs = [(error.get("code"), error.get("message")) for error in errors]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []
    return [printable(": ".join(str(part) for part in pair if part)) for pair in pairs[:5]]


def printable(text: str) -> str:
    """`text` from a stranger, so that a terminal shows it and does nothing else with it."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[:LONGEST_MESSAGE])
    return shown + ("…" if len(text) > LONGEST_MESSAGE else "")

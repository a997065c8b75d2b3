"""What requests and urllib3 raise, as one clear message of http_errors.py."""

from __future__ import annotations

import contextlib
import urllib.parse
from collections.abc import Iterator

import requests
from urllib3 import exceptions as errors

from .curl import shown_address
from .http_errors import BadAnswer, ConnectionLost, NotReached, RegistryError

CONNECT_SECONDS = 15


@contextlib.contextmanager
def plain_failures(url: str) -> Iterator[None]:
    """Turn what requests, urllib3 and the system raise into one clear message."""
    try:
        yield
    except (requests.RequestException, errors.HTTPError, OSError, ValueError) as problem:
        raise failure_for(problem, url) from problem


def failure_for(problem: Exception, url: str) -> RegistryError:
    """The failure of ours that says what `problem` means."""
    where = shown_address(url)
    cause = problem.args[0] if problem.args else None
    reason = getattr(cause, "reason", None) or cause or problem
    if isinstance(problem, requests.exceptions.InvalidSchema) or isinstance(
        reason, errors.ProxySchemeUnknown
    ):
        return NotReached("only http proxies are supported", where, "set http_proxy to one")
    if isinstance(problem, requests.exceptions.ProxyError | requests.exceptions.InvalidProxyURL):
        return NotReached("the proxy can't be reached", where, "check http_proxy and https_proxy")
    if isinstance(problem, requests.ConnectTimeout):
        return NotReached(f"no answer within {CONNECT_SECONDS} seconds", where)
    if isinstance(reason, errors.NewConnectionError):
        return not_connected(reason, where)
    if isinstance(problem, requests.exceptions.SSLError | errors.SSLError):
        return tls_failure(str(problem), where)
    if isinstance(problem, requests.exceptions.InvalidURL | errors.LocationParseError):
        return BadAnswer("that is no http or https address", where)
    if isinstance(problem, requests.ReadTimeout | errors.ReadTimeoutError):
        return ConnectionLost("no answer in time", where)
    return ConnectionLost("the connection was closed before the answer was complete", where)


def not_connected(reason: errors.NewConnectionError, where: str) -> NotReached:
    """No such host, or nobody listens: `connection refused`, out of a longer sentence."""
    if isinstance(reason, errors.NameResolutionError):
        host = urllib.parse.urlsplit(where).hostname
        return NotReached(f"there is no host {host}", where, "check the name and your network")
    what = getattr(reason.__cause__, "strerror", None) or "no connection"
    return NotReached(what.lower(), where, "does a registry run there?")


def tls_failure(reason: str, where: str) -> NotReached:
    """A handshake that failed: nobody speaks TLS there, or it is not who it should be."""
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        hint = "if you trust its own authority, name that file in SSL_CERT_FILE"
        return NotReached("the server's certificate can't be verified", where, hint)
    hint = "if it speaks plain http, and you trust the network, use --plain-http"
    return NotReached("the server does not answer with TLS", where, hint)

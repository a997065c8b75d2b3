"""Whose address is this, and may we speak plain http with it?

In: addresses. Out: their parts and the answers. Like Docker, we take plain http
for this machine only, unless told otherwise. RFC 3986; RFC 6454 for "origin".
"""

from __future__ import annotations

import ipaddress
import urllib.parse

from .http_errors import BadAnswer

DEFAULT_PORTS = {"http": 80, "https": 443}


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: two addresses with the same origin are the same server's.

    Raises BadAnswer unless `url` is an http or https address. A backslash in the
    host's place is none: programs differ in where it ends the host.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        scheme, host, port = "", None, None
    if scheme not in DEFAULT_PORTS or not host or "\\" in parts.netloc:
        raise BadAnswer("that is no http or https address", repr(url[:200]))
    return scheme, host.lower(), port or DEFAULT_PORTS[scheme]


def join(base: str, target: str) -> str:
    """The address that `target`, as it stands in an answer from `base`, means.

    Raises BadAnswer if that is no http or https address. Source: RFC 3986, section 5.
    """
    try:
        joined = urllib.parse.urljoin(base, target)
    except ValueError:
        joined = target
    origin(joined)
    return joined


def is_loopback(host: str) -> bool:
    """Whether `host` (a name or an address, without a port) is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def base_address(host: str, plain_http: bool | None) -> str:
    """The address of the registry `host` (with its port): https, for this machine http."""
    if plain_http is None:
        plain_http = is_loopback(urllib.parse.urlsplit(f"//{host}").hostname or "")
    return f"{'http' if plain_http else 'https'}://{host}"

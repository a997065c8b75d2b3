"""By which way, and trusting whom, is a server reached?

In: an address and the environment. Out: a pool of connections to it, direct or
by a proxy. On them also the head of an answer must come in time: a read timeout
starts anew with each byte, so a server could send its headers for days.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from .addresses import is_loopback, origin
from .failures import NotReached

HEAD_SECONDS = 90


def new_pool(scheme: str, proxy: str | None) -> urllib3.PoolManager:
    """Direct connections, or connections by way of `proxy`."""
    tls = None
    if "https" in (scheme, (proxy or "").partition(":")[0]):  # reading all authorities takes 20 ms
        file, directory = certificates()
        tls = ssl.create_default_context(cafile=file, capath=directory)
    if proxy is None:
        pool = urllib3.PoolManager(ssl_context=tls, maxsize=8)
    else:
        login = urllib3.util.parse_url(proxy).auth
        headers = urllib3.util.make_headers(proxy_basic_auth=login) if login else None
        pool = urllib3.ProxyManager(proxy, proxy_headers=headers, ssl_context=tls, maxsize=8)
    pool.pool_classes_by_scheme = {"http": HttpPool, "https": HttpsPool}
    return pool


def certificates() -> tuple[str | None, str | None]:
    """The file or directory of authorities that the environment names; else the system's count."""
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        path = os.environ.get(name)
        if path and not os.path.exists(path):
            raise NotReached("there is no such file", path, f"${name} names it")
        if path:
            return (None, path) if os.path.isdir(path) else (path, None)
    return None, None


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for `url`; never one for this machine."""
    scheme, host, _ = origin(url)
    proxies = urllib.request.getproxies_environment()
    proxy = proxies.get(scheme) or proxies.get("all")
    bypass = is_loopback(host) or urllib.request.proxy_bypass_environment(host, proxies)  # type: ignore[attr-defined]
    if not proxy or bypass:
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if not proxy.startswith(("http://", "https://")):
        hint = f"set {scheme}_proxy to an http proxy, or unset it"
        raise NotReached("only http proxies are supported", proxy.partition("@")[2] or proxy, hint)
    return proxy


@contextlib.contextmanager
def deadline(connection: socket.socket | None) -> Iterator[None]:
    """Shut `connection` down if the block takes longer than HEAD_SECONDS."""
    timer = threading.Timer(HEAD_SECONDS, shut_down, [connection])
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def shut_down(connection: socket.socket | None) -> None:
    with contextlib.suppress(OSError):
        if connection is not None:
            connection.shutdown(socket.SHUT_RDWR)


class _Http(HTTPConnection):
    def getresponse(self) -> Any:
        with deadline(self.sock):
            return super().getresponse()


class _Https(HTTPSConnection):
    def getresponse(self) -> Any:
        with deadline(self.sock):
            return super().getresponse()


class HttpPool(urllib3.HTTPConnectionPool):
    """Connections to one server by http."""

    ConnectionCls = _Http


class HttpsPool(urllib3.HTTPSConnectionPool):
    """Connections to one server by https."""

    ConnectionCls = _Https

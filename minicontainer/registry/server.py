"""How does a registry answer? The kit's own, over an OCI image layout directory.

Read side: `/v2/`, tags, manifests, blobs (with Range), referrers, catalog, and
its token service at `/token` on the same address. Loopback only, plain http.
distribution-spec, spec.md, "Pull" and "Content Discovery".
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer

from minicontainer.errors import MinicontainerError
from minicontainer.step03_image.layout import Layout

from .catalog import Catalog
from .handlers import RegistryHandler
from .token_service import Settings, TokenService


class PortInUse(MinicontainerError):
    """Something else listens on the port already."""


class BadPort(MinicontainerError):
    """No TCP port has this number."""


class RegistryServer(ThreadingHTTPServer):
    """The listening socket, and what all its handlers share."""

    daemon_threads = True
    allow_reuse_address = sys.platform != "win32"
    #: seconds after which a wait for connections looks whether it is to end
    timeout = 1.0

    def __init__(self, layout: Layout, port: int, settings: Settings) -> None:
        if not 0 <= port <= 65535:
            raise BadPort("a port is a number from 0 (any free one) to 65535", f"port {port}")
        self.catalog = Catalog(layout)
        self.settings = settings
        self.tokens = TokenService(settings)
        self._stopping = False
        self._open: dict[socket.socket, threading.Thread] = {}
        try:
            super().__init__(("127.0.0.1", port), RegistryHandler)
        except OSError as problem:
            hint = "choose another port with --port, or 0 for any that is free"
            raise PortInUse(problem.strerror or str(problem), f"port {port}", hint) from problem

    @property
    def address(self) -> str:
        """host:port, as it goes into an image's name."""
        return f"127.0.0.1:{self.server_address[1]}"

    def answer_until_stopped(self) -> None:
        """Accept connections, each with a thread of its own, until `stop`."""
        while not self._stopping:
            self.handle_request()

    def process_request(self, request, client_address) -> None:
        """Give the connection a thread, known by its socket so that the end can end it."""
        thread = threading.Thread(
            target=self.process_request_thread,
            args=(request, client_address),
            name="registry connection",
            daemon=True,
        )
        self._open[request] = thread
        thread.start()

    def shutdown_request(self, request) -> None:
        """The connection is over."""
        self._open.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request, client_address) -> None:
        """A client that hangs up is no error of ours; anything else is, and is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """Make `answer_until_stopped` return: a connection wakes it, the flag ends it.

        Where loopback is down, and no connection comes, it looks by itself (`timeout`).
        """
        self._stopping = True
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.server_address[1]), 1).close()

    def server_close(self) -> None:
        """Close the listening socket and the connections, and wait for their threads."""
        super().server_close()
        for connection, thread in list(self._open.items()):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(5)


@contextlib.contextmanager
def running_registry(layout: Layout, settings: Settings | None = None) -> Iterator[str]:
    """A registry over `layout` in threads of this process; gives its host:port.

    At the end all its threads have ended, so that the caller may fork.
    """
    with RegistryServer(layout, 0, settings or Settings()) as server:
        thread = threading.Thread(target=server.answer_until_stopped, name="registry")
        thread.start()
        try:
            yield server.address
        finally:
            server.stop()
            thread.join()


def serve(layout: Layout, port: int, ready: Callable[[str], object] = print) -> None:
    """Run a registry over `layout` until Ctrl-C; `ready` is told its host:port.

    Raises PortInUse, BadPort.
    """
    with RegistryServer(layout, port, Settings()) as server:
        ready(server.address)
        with contextlib.suppress(KeyboardInterrupt):
            server.answer_until_stopped()

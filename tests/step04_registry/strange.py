"""A server that does what the test says, however strange, and remembers what it was asked."""

import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Asked:
    """One request as it arrived."""

    def __init__(self, handler):
        self.method, self.path = handler.command, handler.path
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        length = int(self.headers.get("content-length", 0))
        self.body = handler.rfile.read(length).decode()
        self.handler = handler

    def reply(self, status=200, body=b"", length=None, **headers):
        """Answer with headers (`Content_Type=…`); `length` "none" sends no Content-Length."""
        handler = self.handler
        handler.send_response(status)
        if length != "none":
            handler.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        if self.method != "HEAD":
            handler.wfile.write(body)
        if length is not None:
            handler.close_connection = True

    def drop(self):
        """Hang up, with a reset."""
        self.handler.close_connection = True
        with contextlib.suppress(OSError):
            self.handler.connection.shutdown(socket.SHUT_RDWR)


class StrangeServer:
    """`with StrangeServer(answer) as server`: calls answer(asked) for each request."""

    def __init__(self, answer):
        self.asked = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 20

            def do_GET(handler):
                asked = Asked(handler)
                self.asked.append(asked)
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    answer(asked)

            do_HEAD = do_POST = do_GET

            def log_message(handler, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *arguments: None
        self.at = f"127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *failure):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)

    @property
    def paths(self):
        return [asked.path for asked in self.asked]

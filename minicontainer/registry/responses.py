"""How is a response written? The plumbing below handlers.py.

In: documents, pages of lists, files. Out: status line, headers, body.
distribution-spec, spec.md, "Error Codes"; RFC 9110, section 14 "Range Requests".
"""

from __future__ import annotations

import json
import urllib.parse
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, BinaryIO

from .byte_range import RangeNotSatisfiable, parse_range

#: of an address: the values of each name
Query = dict[str, list[str]]
LARGEST_PAGE = 1000
LARGEST_FORM = 64 * 1024


class HttpError(Exception):
    """A response that is an error: status, one of the specification's codes, message."""

    def __init__(
        self, status: HTTPStatus, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers or {}


class Responder(BaseHTTPRequestHandler):
    """One connection, HTTP/1.1: kept open, with a length for every body."""

    protocol_version = "HTTP/1.1"
    server_version = "minicontainer-registry"
    sys_version = ""
    timeout = 60
    disable_nagle_algorithm = True

    def challenge(self) -> str:
        """The WWW-Authenticate header of a 401 answer."""
        raise NotImplementedError

    def send_page(self, key: str, names: list[str], query: Query, path: str, **more: str) -> None:
        """One page of a sorted list, with a Link to the next where there is one."""
        wanted = query.get("n", [str(LARGEST_PAGE)])[0]
        if not wanted.isdecimal() or not wanted.isascii():
            raise HttpError(HTTPStatus.BAD_REQUEST, "PAGINATION_NUMBER_INVALID", "n is a number")
        size = min(int(wanted[:9]), LARGEST_PAGE)
        last = query.get("last", [""])[0]
        rest = [name for name in names if name > last]
        page, headers = rest[:size], {}
        if page and len(rest) > size:
            following = urllib.parse.urlencode({"n": size, "last": page[-1]})
            headers["Link"] = f'<{path}?{following}>; rel="next"'
        self.send_json({**more, key: page}, headers=headers)

    def send_json(
        self, document: Any, status: int = HTTPStatus.OK, headers: dict[str, str] | None = None
    ) -> None:
        self.send_content(json.dumps(document).encode(), "application/json", headers or {}, status)

    def send_error_document(self, refused: HttpError) -> None:
        """The error as JSON; where a login would help, with the challenge."""
        headers = dict(refused.headers)
        if refused.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = self.challenge()
        error = {"code": refused.code, "message": refused.message, "detail": None}
        self.send_json({"errors": [error]}, refused.status, headers)

    def send_content(
        self, content: bytes, media_type: str, headers: dict[str, str], status: int = HTTPStatus.OK
    ) -> None:
        """The whole answer, head and body; for HEAD the head alone."""
        if "ETag" in headers and headers["ETag"] in self.headers.get("If-None-Match", ""):
            status, content = HTTPStatus.NOT_MODIFIED, b""
        self.start(status, len(content), media_type, headers)
        if self.command != "HEAD":
            self.wfile.write(content)

    def send_file(self, file: BinaryIO, digest: str) -> None:
        """The file, or the part that the Range header asks for (RFC 9110, section 14)."""
        size = file.seek(0, 2)
        headers = {"Docker-Content-Digest": digest, "ETag": f'"{digest}"', "Accept-Ranges": "bytes"}
        status, first, count = HTTPStatus.OK, 0, size
        wanted = self.headers.get("Range")
        if wanted and self.headers.get("If-Range", headers["ETag"]) == headers["ETag"]:
            try:
                part = parse_range(wanted, size)
            except RangeNotSatisfiable as problem:
                status, at = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, f"bytes */{size}"
                raise HttpError(
                    status, "SIZE_INVALID", str(problem), {"Content-Range": at}
                ) from None
            if part is not None:
                status, (first, count) = HTTPStatus.PARTIAL_CONTENT, part
                headers["Content-Range"] = f"bytes {first}-{first + count - 1}/{size}"
        self.start(status, count, "application/octet-stream", headers)
        if self.command != "HEAD" and count:
            self.connection.sendfile(file, first, count)

    def start(self, status: int, length: int, media_type: str, headers: dict[str, str]) -> None:
        """Status line and headers. A body that nobody asked for would be taken for a request."""
        body = self.headers.get("Content-Length") or self.headers.get("Transfer-Encoding")
        if body and self.command != "POST":
            self.close_connection = True
        self.send_response(status)
        self.send_header("Docker-Distribution-API-Version", "registry/2.0")
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def read_form(self) -> dict[str, str]:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LARGEST_FORM:
            raise HttpError(HTTPStatus.BAD_REQUEST, "UNSUPPORTED", "a form with its length, please")
        body = self.rfile.read(int(length)).decode("utf-8", "replace")
        return dict(urllib.parse.parse_qsl(body))

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing else is logged."""

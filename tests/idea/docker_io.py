"""docker.io on this machine, for one command: docker_io.py LAYOUT INDEX CERT KEY COMMAND …

In a network and mount namespace of our own, where /etc/hosts leads its three names to
us: the registry asks for a token of another host, and sends who wants a blob to a third
one, which refuses strangers' tokens as S3 does. LAYOUT has the image, whose index has
the digest INDEX. Ends with the command's exit status.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from minicontainer import linux
from minicontainer.step01_chroot import jail

REGISTRY, AUTH, CDN = NAMES = (
    "registry-1.docker.io",
    "auth.docker.io",
    "production.cloudflare.docker.com",
)
BEARER = f'Bearer realm="https://{AUTH}/token",service="registry.docker.io",scope="{{scope}}"'
SCOPE = "repository:library/nginx:pull"
MANIFESTS = "/v2/library/nginx/manifests/"
BLOBS = "/v2/library/nginx/blobs/"


class Answers(BaseHTTPRequestHandler):
    """What the three hosts answer; `layout` has the image, and `index` is its index's digest."""

    protocol_version = "HTTP/1.1"
    layout: Path
    index: str

    def do_GET(self) -> None:
        host, token = self.headers["Host"], self.headers.get("Authorization")
        path, _, query = self.path.partition("?")
        if host == AUTH:
            right = path == "/token" and "service=registry.docker.io" in query
            self.answer(200 if right else 400, json.dumps({"token": "good"}).encode())
        elif host == CDN:
            self.answer(400 if token else 200, self.blob(path.lstrip("/")))
        elif token != "Bearer good":
            self.answer(401, b"{}", WWW_Authenticate=BEARER.format(scope=SCOPE))
        elif path == f"{MANIFESTS}latest":
            assert "docker.distribution.manifest.list.v2+json" in self.headers["Accept"]
            self.answer(200, self.blob(self.index))
        elif path.startswith(MANIFESTS):
            self.answer(200, self.blob(path.removeprefix(MANIFESTS)))
        else:
            self.answer(307, b"", Location=f"https://{CDN}/{path.removeprefix(BLOBS)}")

    def blob(self, digest: str) -> bytes:
        return (self.layout / "blobs" / digest.replace(":", "/")).read_bytes()

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content_Length": str(len(body))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def own_network() -> None:
    """Namespaces of our own in which the names are ours, and loopback is up."""
    user = linux.CLONE_NEWUSER if os.geteuid() else 0
    jail.new_namespaces(user | linux.CLONE_NEWNS | linux.CLONE_NEWNET)
    jail.mount_private()
    with tempfile.NamedTemporaryFile("w") as hosts:
        hosts.writelines(f"127.0.0.1 {name}\n" for name in NAMES)
        hosts.flush()
        linux.mount(hosts.name, "/etc/hosts", None, linux.MS_BIND)
    with socket.socket() as any_socket:  # SIOCSIFFLAGS, IFF_UP
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 1))


def main(layout: str, index: str, certificate: str, key: str, *command: str) -> int:
    own_network()
    Answers.layout, Answers.index = Path(layout), index
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(("127.0.0.1", 443), Answers) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        variables = {**os.environ, "REQUESTS_CA_BUNDLE": certificate}
        status = subprocess.run(command, env=variables, check=False).returncode
        server.shutdown()
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

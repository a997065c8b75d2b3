"""https: certificates are verified, and whose word counts is the environment's choice."""

import contextlib
import select
import socket
import ssl
import subprocess
import threading

import pytest

from minicontainer.lib.http_errors import BadAnswer, NotReached, RegistryError
from minicontainer.lib.session import Session
from minicontainer.step04_registry.client import list_tags

from ..programs import needs
from .strange import StrangeServer

pytestmark = needs("openssl")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A key and a certificate for localhost that nobody but the test trusts."""
    place = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", place / "key.pem", "-out", place / "cert.pem"),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return place / "cert.pem", place / "key.pem"


@pytest.fixture
def https_at(certificate):
    """localhost:port of a server that speaks TLS; its answers are `answers(asked)`."""

    def answer(asked):
        if "moved" in asked.path:
            asked.reply(302, Location=f"http://{asked.headers['host']}/v2/x/tags/list")
        else:
            asked.reply(body=b'{"tags":["by tls"]}')

    server = StrangeServer(answer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    plain = server.server.socket
    server.server.socket = context.wrap_socket(plain, server_side=True)
    with server:
        yield server.at.replace("127.0.0.1", "localhost")


VARIABLES = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]


@pytest.fixture
def client(registry, monkeypatch):
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    return lambda at, **options: registry(at, session=Session(pauses=()), **options)


@pytest.mark.parametrize("variable", VARIABLES)
def test_an_authority_from_the_environment(client, https_at, certificate, monkeypatch, variable):
    monkeypatch.setenv(variable, str(certificate[0]))
    assert list_tags(client(https_at, plain_http=False), "x") == ["by tls"]


def test_an_unknown_authority_is_not_trusted(client, https_at):
    with pytest.raises(NotReached) as refused:
        list_tags(client(https_at, plain_http=False), "x")
    assert "certificate" in refused.value.what
    assert "SSL_CERT_FILE" in refused.value.hint


def test_a_certificate_for_another_name(client, https_at, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    at = https_at.replace("localhost", "127.0.0.1")
    with pytest.raises(NotReached) as refused:
        list_tags(client(at, plain_http=False), "x")
    assert "certificate" in refused.value.what


def test_from_https_there_is_no_way_to_http(client, https_at, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with pytest.raises(BadAnswer) as refused:
        list_tags(client(https_at, plain_http=False), "moved")
    assert "https to http" in refused.value.what


def test_plain_http_to_a_tls_server_is_one_clear_message(client, https_at):
    with pytest.raises(RegistryError) as refused:
        list_tags(client(https_at), "x")
    assert "\n" not in refused.value.one_line


@pytest.fixture
def tunnel():
    """host:port of a proxy that connects to whomever it is asked for, and what that was."""
    asked = []

    def serve(client):
        head = client.recv(65536).decode()
        asked.append(head.split("\r\n"))
        host, _, port = head.split()[1].rpartition(":")
        server = socket.create_connection((host, int(port)))
        with client, server, contextlib.suppress(ConnectionError):
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            ways = {client: server, server: client}
            while True:
                for one in select.select([*ways], [], [])[0]:
                    if not (data := one.recv(65536)):
                        return
                    ways[one].sendall(data)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=serve, args=[client], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}", asked
        listener.shutdown(socket.SHUT_RDWR)


def test_by_a_proxy_the_server_is_verified_too(client, https_at, certificate, monkeypatch, tunnel):
    monkeypatch.setattr("minicontainer.lib.session.is_loopback", lambda host: False)
    monkeypatch.setenv("https_proxy", f"http://eve:secret@{tunnel[0]}")
    with pytest.raises(NotReached, match="certificate"):
        list_tags(client(https_at, plain_http=False), "x")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    assert list_tags(client(https_at, plain_http=False), "x") == ["by tls"]
    for head in tunnel[1]:
        assert head[0].startswith(f"CONNECT {https_at} ")
        assert any(line.lower().startswith("proxy-authorization: basic") for line in head)

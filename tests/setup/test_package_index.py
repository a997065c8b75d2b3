"""Fetching a wheel with nothing but Python, from an index on loopback."""

from __future__ import annotations

import base64
import hashlib
import http.server
import importlib.util
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.setup.conftest import PROJECT

WHEEL = b"the bytes of a wheel"
NAME = "pip-26.3-py3-none-any.whl"
JSON = "application/vnd.pypi.simple.v1+json"


@pytest.fixture(scope="module")
def package_index() -> ModuleType:
    """The script as a module: it is no part of the package, since it runs before it."""
    path = PROJECT / "setup/package_index.py"
    specification = importlib.util.spec_from_file_location("package_index", path)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


class Index(http.server.BaseHTTPRequestHandler):
    """Answers with `pages`: path -> (media type, bytes); remembers the logins it was given."""

    pages: dict[str, tuple[str, bytes]]
    logins: list[str | None]

    def do_GET(self) -> None:
        self.logins.append(self.headers.get("Authorization"))
        kind, content = self.pages.get(self.path, ("", b""))
        self.send_response(200 if kind else 404)
        self.send_header("Content-Type", kind or "text/plain")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def index() -> Iterator[http.server.ThreadingHTTPServer]:
    Index.pages = {f"/files/{NAME}": ("application/octet-stream", WHEEL)}
    Index.logins = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        yield server
        server.shutdown()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "lock"
    sums = [hashlib.sha256(content).hexdigest() for content in (b"an archive", WHEEL)]
    path.write_text("pip==26.3 \\\n" + " \\\n".join(f"    --hash=sha256:{sum}" for sum in sums))
    return path


def address(server: http.server.ThreadingHTTPServer, login: str = "") -> str:
    return f"http://{login}127.0.0.1:{server.server_port}/simple"


def as_json(name: str = NAME) -> tuple[str, bytes]:
    files = [{"url": "../../files/pip-1.0-py3-none-any.whl"}, {"url": f"../../files/{name}"}]
    return JSON, json.dumps({"files": files}).encode()


def as_html() -> tuple[str, bytes]:
    link = f'<a href="../../files/{NAME}#sha256=abc" data-x="&gt;=3">{NAME}</a>'
    return "text/html; charset=utf-8", f"<html><body>{link}<a>no link</a></body></html>".encode()


@pytest.mark.parametrize("page", [as_json(), as_html()])
def test_fetches_the_pinned_wheel(package_index, index, lock, tmp_path, page):
    index.RequestHandlerClass.pages["/simple/pip/"] = page
    path = package_index.fetch(lock, tmp_path, address(index))
    assert (path.name, path.read_bytes()) == (NAME, WHEEL)


def test_refuses_other_bytes(package_index, index, lock, tmp_path):
    index.RequestHandlerClass.pages["/simple/pip/"] = as_json()
    index.RequestHandlerClass.pages[f"/files/{NAME}"] = ("application/octet-stream", WHEEL + b"!")
    with pytest.raises(ValueError, match="which the lock does not allow"):
        package_index.fetch(lock, tmp_path, address(index))
    assert list(tmp_path.iterdir()) == [lock]


def test_refuses_another_version(package_index, index, lock, tmp_path):
    index.RequestHandlerClass.pages["/simple/pip/"] = as_json("pip-26.30-py3-none-any.whl")
    with pytest.raises(ValueError, match=r"does not offer pip 26\.3"):
        package_index.fetch(lock, tmp_path, address(index))


def test_login_goes_to_the_index_only(package_index, index, lock, tmp_path):
    elsewhere = f"http://localhost:{index.server_port}/files/{NAME}"
    page = json.dumps({"files": [{"url": elsewhere}]}).encode()
    index.RequestHandlerClass.pages["/simple/pip/"] = (JSON, page)
    package_index.fetch(lock, tmp_path, address(index, "me:se%40cret@"))
    login = base64.b64encode(b"me:se@cret").decode()
    assert index.RequestHandlerClass.logins == [f"Basic {login}", None]


def test_an_index_that_does_not_answer_gives_one_line(
    package_index, lock, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:1/simple")
    assert package_index.main(["fetch", str(lock), str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: could not fetch from the package index: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (".config/pip/pip.conf", "[global]\nindex-url = https://index.example/simple\n"),
        (".pip/pip.conf", "[install]\nindex-url=https://index.example/simple"),
        (".config/uv/uv.toml", 'index-url = "https://index.example/simple"'),
        (".config/uv/uv.toml", '[[index]]\nurl="https://index.example/simple"\ndefault=true'),
    ],
)
def test_address_from_configuration(package_index, tmp_path, monkeypatch, file, text):
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL", "PIP_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert package_index.index_address() == "https://index.example/simple"


@pytest.mark.parametrize("text", ["", "[global", "index-url", "\x00", "[[index]]"])
def test_odd_configuration_is_passed_over(package_index, tmp_path, text):
    path = tmp_path / "file"
    path.write_text(text)
    assert package_index._pip_setting(path) is None
    assert package_index._uv_setting(path) is None

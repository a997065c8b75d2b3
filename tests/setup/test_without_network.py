"""What set-up says of an index that can't be reached, and what a wheelhouse must hold."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest

from tests.setup.conftest import PROJECT

PIP = (
    "Could not fetch URL https://me:secret@index.example/simple/uv/: connection error: "
    "HTTPSConnectionPool(host='index.example', port=443): Max retries exceeded with url: "
    "/simple/uv/ (Caused by {}) - skipping\nERROR: No matching distribution found for uv==0.13.9\n"
)
UV = (
    "error: Request failed after 3 retries in 4.5s\n"
    "  cause: Failed to fetch: https://index.example/simple/attrs/\n"
    "  cause: error sending request for url (https://index.example/simple/attrs/)\n"
    "  cause: client error (Connect)\n  cause: {}\n"
)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def script(name: str) -> ModuleType:
    """A script of setup/ as a module: it is no part of the package."""
    specification = importlib.util.spec_from_file_location(name, PROJECT / f"setup/{name}.py")
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize("log", [PIP, UV])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "NewConnectionError('[Errno -3] Temporary failure in name resolution')",
            "name is unknown",
        ),
        ("NewConnectionError('[Errno 111] Connection refused')", "the connection is refused"),
        ("NewConnectionError('[Errno 101] Network is unreachable')", "there is no way to it"),
        ("ConnectTimeoutError('timed out')", "no answer in time"),
        ("SSLError('[SSL: CERTIFICATE_VERIFY_FAILED]')", "its certificate is not trusted"),
        ("ProxyError('Tunnel connection failed: 407 Proxy Authentication Required')", "a login"),
    ],
)
def test_index_and_reason_are_named(log: str, words: str, said: str):
    sentence = script("unreachable").unreachable(log.format(words))
    begin = "the package index https://index.example cannot be reached (no proxy is set): "
    assert sentence.startswith(begin) and said in sentence.removeprefix(begin)


def test_the_proxy_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("https_proxy", "http://me:secret@proxy.example:3128")
    unreachable = script("unreachable").unreachable
    sentence = unreachable(PIP.format("ProxyError('Cannot connect to proxy.')"))
    assert " through the proxy http://proxy.example:3128: " in sentence
    monkeypatch.setenv("no_proxy", "index.example")
    assert "(no proxy is set)" in unreachable(PIP.format("timed out"))


@pytest.mark.parametrize(
    "log", ["", "ERROR: No matching distribution found for uv==0.13.9", "No space left on device"]
)
def test_other_troubles_are_not_taken_for_it(log: str):
    assert script("unreachable").unreachable(log) == ""


def test_a_wheelhouse_is_for_every_supported_python():
    pytest.importorskip("packaging")
    collect = script("collect_wheels")
    assert collect.supported_pythons() == ["3.11", "3.12", "3.13", "3.14"]
    old, new = (collect.pins_for(version, "x86_64") for version in ("3.11.0", "3.14.99"))
    assert "overrides==" in old and "overrides==" not in new
    for pins in (old, new):
        assert pins.count("soupsieve==") == 1
        assert "colorama==" not in pins and " ; " not in pins
        assert pins.count("\nuv==") == pins.count("\npip==") == 1
    # Debian 12's Python is older than a patch release that a lock tells apart.
    assert len(collect.of_each_pins("3.11", "x86_64")) == 2
    assert len(collect.of_each_pins("3.14", "x86_64")) == 1

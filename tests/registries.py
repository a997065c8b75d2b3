"""The kit's own images and a registry that has them, made once."""

import pytest

from minicontainer.lib.session import Session
from minicontainer.registry.embedded import make_images
from minicontainer.registry.server import running_registry
from minicontainer.step03_image.layout import create_layout
from minicontainer.step04_registry.client import Registry


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """A layout with the kit's images."""
    layout = create_layout(tmp_path_factory.mktemp("images") / "layout")
    make_images(layout)
    return layout


@pytest.fixture(scope="session")
def registry_at(images):
    """host:port of a running registry with the kit's images."""
    with running_registry(images) as at:
        yield at


@pytest.fixture
def store(tmp_path):
    """An empty layout to pull into."""
    return create_layout(tmp_path / "store")


@pytest.fixture
def registry():
    """registry(at) gives a Registry that loses no time with pauses; closed at the end."""
    opened = []

    def open_registry(at, **options):
        options.setdefault("session", Session(pauses=(0, 0, 0)))
        opened.append(Registry(at, **options))
        return opened[-1]

    yield open_registry
    for one in opened:
        one.close()

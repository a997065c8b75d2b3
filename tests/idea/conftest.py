"""The images and their registry, made once; a stage for each test."""

import pytest

from .stage import Images, stage


@pytest.fixture(scope="package")
def images(tmp_path_factory):
    return Images(tmp_path_factory.mktemp("images") / "layout")


@pytest.fixture(scope="package")
def registry(images):
    with images.served() as address:
        yield address


@pytest.fixture
def play(registry):
    """A stage for whoever runs the tests."""
    with stage(registry) as made:
        yield made

"""An image of which the store lacks something is pulled again, or said to be missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from minicontainer.step03_image.blobs import write_blob
from minicontainer.step03_image.layout import Layout, blob_path, read_blob, tag
from minicontainer.step03_image.manifest import parse_platform
from minicontainer.step03_image.spec import OCI_INDEX, Descriptor
from minicontainer.step04_registry.reference import parse_reference
from minicontainer.step06_run.obtain import ImageMissing, obtain
from tests.step03_image.images import image, tar

HERE = parse_platform("linux/amd64")
NAME = parse_reference("example.test/small:1")


@pytest.fixture
def index(tmp_path: Path) -> tuple[Layout, Descriptor]:
    """A store with an image index of one image, under NAME."""
    layout, manifest = image(tmp_path, tar(("file", b"content")))
    entry = {**manifest, "platform": {"os": "linux", "architecture": "amd64"}}
    text = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
    descriptor = write_blob(layout, json.dumps(text).encode(), OCI_INDEX)
    tag(layout, str(NAME), descriptor)
    return layout, descriptor


def documents(layout: Layout, index: Descriptor) -> dict[str, tuple[str, bytes]]:
    """index, manifest, config, layer -> digest and content."""
    found = {"index": index}
    found["manifest"] = json.loads(read_blob(layout, index))["manifests"][0]
    manifest = json.loads(read_blob(layout, found["manifest"]))
    found |= {"config": manifest["config"], "layer": manifest["layers"][0]}
    return {name: (one["digest"], read_blob(layout, one)) for name, one in found.items()}


def test_what_is_whole_is_not_pulled(index):
    layout, _ = index
    for policy in ("missing", "never"):
        assert obtain(layout, NAME, HERE, lambda: pytest.fail("pulled"), policy).manifest["layers"]


@pytest.mark.parametrize("lacking", ["index", "manifest", "config", "layer"])
def test_what_lacks_a_document_is_pulled_again(index, lacking):
    layout, descriptor = index
    digest, content = documents(layout, descriptor)[lacking]
    blob_path(layout, digest).unlink()
    with pytest.raises(ImageMissing, match="not in the store") as missing:
        obtain(layout, NAME, HERE, lambda: pytest.fail("pulled"), "never")
    assert missing.value.hint == f"minicontainer pull {NAME.familiar} brings it."

    def pull() -> Descriptor:
        blob_path(layout, digest).write_bytes(content)
        return descriptor

    assert obtain(layout, NAME, HERE, pull).config["architecture"] == "amd64"

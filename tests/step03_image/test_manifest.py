"""Which manifest of an index is taken on which machine."""

from __future__ import annotations

import json

import pytest

from minicontainer.errors import BlobMissing, ImageError
from minicontainer.step03_image.blobs import write_blob
from minicontainer.step03_image.layout import create_layout
from minicontainer.step03_image.manifest import (
    DEEPEST_NESTING,
    NoMatchingPlatform,
    choose_manifest,
    host_platform,
    parse_platform,
    platform_name,
    resolve,
)
from minicontainer.step03_image.spec import DOCKER_INDEX, OCI_INDEX, OCI_MANIFEST, Descriptor, Index


def entry(platform: str | None, number: int = 0, kind: str = OCI_MANIFEST) -> Descriptor:
    descriptor: Descriptor = {"mediaType": kind, "digest": f"sha256:{number:064}", "size": 1}
    if platform is not None:
        os, architecture, *variant = platform.split("/")
        descriptor["platform"] = {"os": os, "architecture": architecture}
        if variant:
            descriptor["platform"]["variant"] = variant[0]
    return descriptor


def choose(wanted: str, *platforms: str | None) -> str | None:
    """The platform of the entry that is taken."""
    index: Index = {
        "schemaVersion": 2,
        "manifests": [entry(one, number) for number, one in enumerate(platforms)],
    }
    digest = choose_manifest(index, parse_platform(wanted))["digest"]
    return platforms[int(digest[-3:])]


@pytest.mark.parametrize(
    ("wanted", "offered", "taken"),
    [
        ("linux/amd64", ["linux/arm64", "linux/amd64"], "linux/amd64"),
        ("linux/amd64", ["windows/amd64", "linux/amd64"], "linux/amd64"),
        ("linux/amd64", ["unknown/unknown", "linux/amd64"], "linux/amd64"),
        ("linux/amd64", [None, "linux/amd64"], "linux/amd64"),
        ("linux/amd64", ["linux/arm64", None], None),
        ("linux/amd64", ["linux/amd64", "linux/amd64"], "linux/amd64"),
        ("linux/amd64", ["linux/amd64/v2", "linux/amd64"], "linux/amd64"),
        ("linux/amd64/v3", ["linux/amd64", "linux/amd64/v2"], "linux/amd64/v2"),
        ("linux/amd64/v3", ["linux/amd64/v4", "linux/amd64/v1"], "linux/amd64/v1"),
        ("linux/amd64/v1", ["linux/amd64/v2", "linux/amd64"], "linux/amd64"),
        ("linux/arm64", ["linux/arm/v7", "linux/arm64/v8"], "linux/arm64/v8"),
        ("linux/arm64/v8", ["linux/arm64"], "linux/arm64"),
        ("linux/arm/v7", ["linux/arm/v5", "linux/arm/v6", "linux/arm/v8"], "linux/arm/v6"),
        ("linux/arm/v7", ["linux/arm/v6", "linux/arm/v7"], "linux/arm/v7"),
        ("linux/arm", ["linux/arm/v6", "linux/arm/v7"], "linux/arm/v7"),
        ("linux/arm/v6", ["linux/arm/v7", "linux/arm/v5"], "linux/arm/v5"),
        ("linux/riscv64", ["linux/riscv64"], "linux/riscv64"),
        ("linux/x86_64", ["linux/amd64"], "linux/amd64"),
        ("linux/arm/v7", ["linux/arm/7"], "linux/arm/7"),
    ],
)
def test_the_entry_that_is_taken(wanted, offered, taken) -> None:
    assert choose(wanted, *offered) == taken


@pytest.mark.parametrize(
    ("wanted", "offered"),
    [
        ("linux/amd64", []),
        ("linux/amd64", ["unknown/unknown"]),
        ("linux/amd64", ["linux/arm64", "windows/amd64"]),
        ("linux/arm/v6", ["linux/arm/v7"]),
        ("linux/amd64", ["linux/amd64/v2"]),
        ("linux/amd64", ["linux/386"]),
    ],
)
def test_nothing_fits(wanted, offered) -> None:
    with pytest.raises(NoMatchingPlatform):
        choose(wanted, *offered)


def test_the_complaint_lists_what_is_on_offer_without_attestations() -> None:
    with pytest.raises(NoMatchingPlatform) as caught:
        choose("linux/s390x", "linux/arm/v7", "linux/amd64", "unknown/unknown")
    assert "no image for linux/s390x" in str(caught.value)
    assert "linux/amd64, linux/arm/v7" in caught.value.hint
    assert "unknown" not in str(caught.value)


def test_unknown_media_types_are_ignored() -> None:
    strange = entry("linux/amd64", 1, "application/x-something")
    index: Index = {"schemaVersion": 2, "manifests": [strange, entry("linux/amd64", 2)]}
    assert choose_manifest(index, parse_platform("linux/amd64"))["digest"].endswith("2")


def test_platform_names() -> None:
    assert parse_platform("linux/arm64/v8") == {
        "os": "linux",
        "architecture": "arm64",
        "variant": "v8",
    }
    assert platform_name(parse_platform("Linux/aarch64")) == "linux/arm64"
    assert host_platform()["os"] == "linux"
    for bad in ("", "linux", "linux/", "a/b/c/d", "/amd64"):
        with pytest.raises(ImageError, match="not a platform"):
            parse_platform(bad)


def nested(layout, descriptor: Descriptor, levels: int, kind: str = OCI_INDEX) -> Descriptor:
    for _ in range(levels):
        index = {"schemaVersion": 2, "mediaType": kind, "manifests": [descriptor]}
        descriptor = write_blob(layout, json.dumps(index).encode(), kind)
    return descriptor


def test_resolve_follows_nested_indexes(tmp_path) -> None:
    layout, wanted = create_layout(tmp_path), parse_platform("linux/amd64")
    manifest = entry("linux/amd64")
    assert resolve(layout, manifest, parse_platform("linux/arm64")) == manifest
    for levels in (1, 2, DEEPEST_NESTING):
        assert resolve(layout, nested(layout, manifest, levels), wanted) == manifest
    docker = nested(layout, manifest, 1, DOCKER_INDEX)
    assert resolve(layout, nested(layout, docker, 1), wanted) == manifest


def test_resolve_refuses_what_is_too_deep_missing_or_no_image(tmp_path) -> None:
    layout, wanted = create_layout(tmp_path), parse_platform("linux/amd64")
    deep = nested(layout, entry("linux/amd64"), DEEPEST_NESTING + 1)
    with pytest.raises(ImageError, match="nested too deeply"):
        resolve(layout, deep, wanted)
    with pytest.raises(BlobMissing):
        resolve(layout, entry(None, 7, OCI_INDEX), wanted)
    with pytest.raises(ImageError, match="is no image"):
        resolve(layout, entry(None, 7, "text/plain"), wanted)

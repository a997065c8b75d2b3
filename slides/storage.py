"""The directories that the CNCF's registry keeps for an image, written by ourselves.

In: an OCI layout and a repository's name. Out: `docker/registry/v2/…` as told in
distribution's registry/storage/paths.go, so that the slides can show them everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from minicontainer.step03_image.layout import Layout, read_blob, references
from minicontainer.step03_image.spec import (
    INDEX_TYPES,
    Descriptor,
    media_type_of,
    parse_index,
    parse_manifest,
)
from minicontainer.step04_registry.reference import parse_reference


def write_storage(
    layout: Layout, repository: str, tags: Mapping[str, Descriptor], directory: Path
) -> None:
    """Write what a registry in `directory` keeps once `tags` of `repository` were pushed."""
    base = directory / "docker/registry/v2"
    home = base / "repositories" / repository
    for name, descriptor in tags.items():
        _write_manifest(layout, descriptor, base, home)
        tag = home / "_manifests/tags" / name
        _write_link(tag / "current", descriptor["digest"])
        _write_link(tag / "index" / _folder(descriptor["digest"]), descriptor["digest"])


def tags_of(layout: Layout, repository: str) -> dict[str, Descriptor]:
    """The tags of `repository` in `layout`, and what they point to."""
    named = ((parse_reference(name), it) for name, it in references(layout).items())
    return {ref.tag: it for ref, it in named if ref.repository == repository and ref.tag}


def _write_manifest(layout: Layout, descriptor: Descriptor, base: Path, home: Path) -> None:
    digest, content = descriptor["digest"], read_blob(layout, descriptor)
    _write_blob(base, digest, content)
    _write_link(home / "_manifests/revisions" / _folder(digest), digest)
    if media_type_of(content, descriptor["mediaType"]) in INDEX_TYPES:
        for entry in parse_index(content)["manifests"]:
            _write_manifest(layout, entry, base, home)
        return
    manifest = parse_manifest(content)
    for part in (manifest["config"], *manifest["layers"]):
        _write_blob(base, part["digest"], read_blob(layout, part))
        _write_link(home / "_layers" / _folder(part["digest"]), part["digest"])


def _write_blob(base: Path, digest: str, content: bytes) -> None:
    algorithm, _, encoded = digest.partition(":")
    path = base / "blobs" / algorithm / encoded[:2] / encoded / "data"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _write_link(directory: Path, digest: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "link").write_text(digest)


def _folder(digest: str) -> str:
    return digest.replace(":", "/")

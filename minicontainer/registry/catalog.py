"""What does a registry that is kept in an OCI image layout have on offer?

In: a layout directory, whose reference names (`docker.io/workshop/hello:latest`)
give the repositories and tags. Out: repositories, their tags, and for each the
set of digests that belong to it, so that no repository serves another's blobs.
image-spec, image-layout.md.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from typing import Any, NamedTuple

from minicontainer.errors import ImageError
from minicontainer.step03_image.layout import Layout, blob_path, references
from minicontainer.step03_image.spec import (
    INDEX_TYPES,
    MANIFEST_TYPES,
    Descriptor,
    parse_index,
    parse_manifest,
)
from minicontainer.step04_registry.pull import plain
from minicontainer.step04_registry.reference import BadReference, parse_reference

#: what is served under /manifests/
DOCUMENT_TYPES = INDEX_TYPES + MANIFEST_TYPES


class Repository(NamedTuple):
    """One repository: its tags, and every descriptor that can be reached from them."""

    tags: dict[str, Descriptor]
    contents: dict[str, Descriptor]

    def manifest(self, reference: str) -> Descriptor | None:
        """The descriptor of the manifest or index that a tag or digest names."""
        found = self.tags.get(reference) or self.contents.get(reference)
        return found if found and found["mediaType"] in DOCUMENT_TYPES else None


class Catalog:
    """The repositories of a layout, read again when its index.json has changed."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._lock = threading.Lock()
        self._seen: tuple[int, ...] | None = None
        self._repositories: dict[str, Repository] = {}

    def repositories(self) -> dict[str, Repository]:
        """Every repository by its name, in the order of their names."""
        status = os.stat(self.layout.index_file)
        now = (status.st_ino, status.st_size, status.st_mtime_ns)
        with self._lock:
            if now != self._seen:
                self._repositories = read_repositories(self.layout)
                self._seen = now
            return self._repositories


def read_repositories(layout: Layout) -> dict[str, Repository]:
    """The repositories that the reference names of `layout` make up."""
    found: dict[str, Repository] = {}
    for name, descriptor in sorted(references(layout).items()):
        place = place_of(name, layout)
        if place is not None:
            repository = found.setdefault(place[0], Repository({}, {}))
            repository.tags.setdefault(place[1], descriptor)
            add_reachable(layout, descriptor, repository.contents)
    return dict(sorted(found.items()))


def place_of(name: str, layout: Layout) -> tuple[str, str] | None:
    """Repository and tag of a reference name; a bare tag belongs to the directory's name."""
    if "/" not in name:
        name = f"localhost/{layout.path.resolve().name}:{name}"
    try:
        reference = parse_reference(name)
    except BadReference:
        return None
    return reference.repository, reference.wanted


def add_reachable(layout: Layout, top: Descriptor, contents: dict[str, Descriptor]) -> None:
    """Put `top` and all that it leads to into `contents`; what the layout lacks is left out."""
    waiting = [top]
    while waiting:
        descriptor = waiting.pop()
        if descriptor["digest"] in contents:
            continue
        path = blob_path(layout, descriptor["digest"])
        if path.is_file():
            contents[descriptor["digest"]] = descriptor
            if descriptor["mediaType"] in DOCUMENT_TYPES:
                waiting.extend(children_of(layout, descriptor))


def children_of(layout: Layout, descriptor: Descriptor) -> list[Descriptor]:
    """The descriptors in an index or a manifest; none if it is broken."""
    with contextlib.suppress(ImageError):
        content = blob_path(layout, descriptor["digest"]).read_bytes()
        if descriptor["mediaType"] in INDEX_TYPES:
            return parse_index(content)["manifests"]
        manifest = parse_manifest(content)
        return [manifest["config"], *manifest["layers"]]
    return []


def referrers(layout: Layout, repository: Repository, digest: str) -> list[dict[str, Any]]:
    """The descriptors of the repository's manifests whose `subject` is `digest`.

    Spec: distribution-spec, spec.md, "Listing Referrers".
    """
    found = []
    for descriptor in repository.contents.values():
        if descriptor["mediaType"] not in DOCUMENT_TYPES:
            continue
        document = json.loads(blob_path(layout, descriptor["digest"]).read_bytes())
        if (document.get("subject") or {}).get("digest") == digest:
            config = document.get("config") or {}
            kind = document.get("artifactType") or config.get("mediaType")
            about = {"annotations": document["annotations"]} if "annotations" in document else {}
            found.append({**plain(descriptor), "artifactType": kind, **about})
    return found

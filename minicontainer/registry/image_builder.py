"""How is an image made? Files become a layer, layers and a config a manifest.

In: files as (path, content, mode). Out: blobs in an OCI image layout. The same
files give the same bytes and so the same digests, on any day: names sorted,
owner root, one fixed time. image-spec, layer.md, config.md, manifest.md.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from minicontainer.step03_image.blobs import write_blob
from minicontainer.step03_image.digest import digest_of
from minicontainer.step03_image.layout import Layout
from minicontainer.step03_image.spec import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    Descriptor,
    Platform,
    Settings,
)

#: 1 January 2025, for every file and every image
WHEN, CREATED = 1735689600, "2025-01-01T00:00:00Z"
COMPRESSION = 4


class File(NamedTuple):
    """A member of a layer: a file with `content`, or a link to `link`, or else a directory."""

    path: str
    content: bytes | None = None
    mode: int = 0o644
    link: str = ""


class Layer(NamedTuple):
    """A layer in the layout: the compressed blob's descriptor, the plain tar's digest."""

    descriptor: Descriptor
    diff_id: str
    made_by: str


def directory(path: str, mode: int = 0o755) -> File:
    return File(path, mode=mode)


def add_layer(layout: Layout, made_by: str, files: Iterable[File]) -> Layer:
    """Write `files`, with the directories they need, as one layer."""
    plain = tar_of(with_parents(files))
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", COMPRESSION, packed, mtime=0) as stream:
        stream.write(plain)
    descriptor = write_blob(layout, packed.getvalue(), OCI_LAYER_GZIP)
    return Layer(descriptor, digest_of(plain), made_by)


def with_parents(files: Iterable[File]) -> list[File]:
    """`files` sorted by path, each after the directories it lies in."""
    found = {file.path: file for file in files}
    for path in list(found):
        parts = path.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            parent = "/".join(parts[:depth])
            found.setdefault(parent, directory(parent))
    return [found[path] for path in sorted(found)]


def tar_of(files: Sequence[File]) -> bytes:
    """The tar archive of `files`, in their order."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for file in files:
            member = tarfile.TarInfo(file.path)
            member.mtime, member.mode = WHEN, file.mode
            if file.content is not None:
                member.size = len(file.content)
            elif file.link:
                member.type, member.linkname, member.mode = tarfile.SYMTYPE, file.link, 0o777
            else:
                member.type = tarfile.DIRTYPE
            tar.addfile(member, io.BytesIO(file.content or b""))
    return archive.getvalue()


def add_image(
    layout: Layout, layers: Sequence[Layer], settings: Settings, platform: Platform
) -> Descriptor:
    """Write config and manifest; gives the manifest's descriptor, with its platform."""
    config = {
        "created": CREATED,
        **platform,
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [{"created": CREATED, "created_by": layer.made_by} for layer in layers],
    }
    descriptor = add_manifest(
        layout,
        write_document(layout, config, OCI_CONFIG),
        [layer.descriptor for layer in layers],
    )
    return {**descriptor, "platform": platform}


def add_manifest(layout: Layout, config: Descriptor, layers: Sequence[Descriptor]) -> Descriptor:
    """Write the manifest of `config` and `layers`."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config,
        "layers": list(layers),
    }
    return write_document(layout, manifest, OCI_MANIFEST)


def add_index(layout: Layout, manifests: Sequence[Descriptor]) -> Descriptor:
    """Write the index of `manifests`."""
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(manifests)}
    return write_document(layout, index, OCI_INDEX)


def write_document(layout: Layout, document: dict[str, Any], media_type: str) -> Descriptor:
    """Write `document` as JSON; people will look at it, so it is indented."""
    return write_blob(layout, json.dumps(document, indent=2).encode(), media_type)

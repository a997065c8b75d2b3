"""The documents of an image, and how foreign bytes become them.

In: the bytes of an index, a manifest or a config. Out: plain dicts with the
specification's names, whose shape and types the rest of the code may trust;
members that are null are left out, members the specification does not name stay.
Spec: image-spec, image-index.md, manifest.md, config.md, descriptor.md, media-types.md;
and Docker's "Image Manifest V 2, Schema 2", which differs in media types only.
"""

from __future__ import annotations

import functools
from typing import Annotated, Any, NamedTuple, NotRequired, TypedDict, cast

from minicontainer.errors import ImageError
from minicontainer.lib.foreign_json import parse_object
from minicontainer.lib.shapes import check, shape_of, text

from .digest import split_digest

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP = f"{OCI_LAYER}+gzip"
OCI_FOREIGN_LAYER = "application/vnd.oci.image.layer.nondistributable.v1.tar"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar"
DOCKER_SCHEMA_1 = (
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
)

INDEX_TYPES = (OCI_INDEX, DOCKER_INDEX)
MANIFEST_TYPES = (OCI_MANIFEST, DOCKER_MANIFEST)
LAYER_TYPES = tuple(
    base + compression
    for base in (OCI_LAYER, OCI_FOREIGN_LAYER, DOCKER_LAYER, DOCKER_FOREIGN_LAYER)
    for compression in ("", "+gzip", "+zstd", ".gzip", ".zstd")
)
#: what to call them, the media types they may have, and the members that only others have
_KINDS = {
    "index": ("an index", INDEX_TYPES, ("config", "layers")),
    "manifest": ("a manifest", MANIFEST_TYPES, ("manifests",)),
}

#: bytes; the distribution-spec bids registries to take manifests of at least this size
LARGEST_DOCUMENT = 4 * 1024 * 1024


def _check_digest(value: Any, where: str, _: object) -> None:
    try:
        split_digest(value)
    except ImageError as error:
        raise ImageError(error.what, f"{where}: {error.where}".rstrip(": "), error.hint) from None


# The types below are also the shapes by which documents are checked.
Digest = Annotated[str, _check_digest]
Argument = Annotated[str, text]
_shape = functools.cache(shape_of)

Platform = TypedDict(
    "Platform",
    {
        "architecture": str,
        "os": str,
        "variant": NotRequired[str],
        "os.version": NotRequired[str],
        "os.features": NotRequired[list[str]],
    },
)


class Descriptor(TypedDict):
    """What points to a blob: its type, its digest and its size in bytes."""

    mediaType: str
    digest: Digest
    size: Annotated[int, (0, 2**63 - 1)]
    platform: NotRequired[Platform]
    annotations: NotRequired[dict[str, str]]
    urls: NotRequired[list[str]]
    artifactType: NotRequired[str]


class Index(TypedDict):
    """One name for the manifests of many platforms."""

    schemaVersion: int
    mediaType: NotRequired[str]
    manifests: list[Descriptor]
    annotations: NotRequired[dict[str, str]]


class Manifest(TypedDict):
    """One image for one platform: its config and its layers, the lowest first."""

    schemaVersion: int
    mediaType: NotRequired[str]
    config: Descriptor
    layers: list[Descriptor]
    annotations: NotRequired[dict[str, str]]
    subject: NotRequired[Descriptor]


class Settings(TypedDict, total=False):
    """How to run the image, unless the user says otherwise: the config's `config`."""

    User: Argument
    ExposedPorts: dict[str, Any]
    Env: list[Argument]
    Entrypoint: list[Argument]
    Cmd: list[Argument]
    Volumes: dict[str, Any]
    WorkingDir: Argument
    Labels: dict[str, str]
    StopSignal: str


class RootFs(TypedDict):
    """The digests of the uncompressed layers, the lowest first."""

    type: str
    diff_ids: list[Digest]


class ImageConfig(Platform):
    """What the image's programs run on, the layers they see, and how they are started."""

    rootfs: RootFs
    config: NotRequired[Settings]
    created: NotRequired[str]
    author: NotRequired[str]
    history: NotRequired[list[dict[str, Any]]]


class Image(NamedTuple):
    """An image for one platform: its manifest's descriptor, and what its documents say."""

    descriptor: Descriptor
    manifest: Manifest
    config: ImageConfig


def parse_index(content: bytes) -> Index:
    """The image index in `content`, checked. Raises ImageError.

    Spec: image-spec, image-index.md.
    """
    return cast(Index, _parse(content, Index, "index"))


def parse_manifest(content: bytes) -> Manifest:
    """The image manifest in `content`, checked. Raises ImageError.

    Spec: image-spec, manifest.md.
    """
    return cast(Manifest, _parse(content, Manifest, "manifest"))


def parse_config(content: bytes) -> ImageConfig:
    """The image config in `content`, checked. Raises ImageError.

    Spec: image-spec, config.md.
    """
    document = _parse(content, ImageConfig, "config")
    if document["rootfs"]["type"] != "layers":
        raise ImageError(f"rootfs.type is {document['rootfs']['type']!r}, not 'layers'", "config")
    return cast(ImageConfig, document)


def _parse(content: bytes, kind: type, name: str) -> dict[str, Any]:
    """The document in `content`, which has the shape of `kind`. Raises ImageError."""
    document = parse_object(content, LARGEST_DOCUMENT, name)
    if name in _KINDS:
        _refuse_other_kind(document, name)
    check(document, _shape(kind), name, ImageError)
    return document


def media_type_of(content: bytes, claimed: str = "") -> str:
    """What an index or a manifest is: as claimed (by a header), else as it says, else by shape.

    Raises ImageError for what is neither, and for what could be read as both.
    Spec: image-spec, media-types.md; CVE-2021-41190.
    """
    document = parse_object(content, LARGEST_DOCUMENT, "manifest")
    claimed = claimed.partition(";")[0].strip().lower()
    known = (*INDEX_TYPES, *MANIFEST_TYPES, *DOCKER_SCHEMA_1)
    media_type = claimed if claimed in known else document.get("mediaType")
    if media_type not in known:
        media_type = OCI_INDEX if "manifests" in document else OCI_MANIFEST
    parse = parse_index if media_type in INDEX_TYPES else parse_manifest
    parse(content)
    return media_type


def _refuse_other_kind(document: dict[str, Any], name: str) -> None:
    """Refuse what two readers could take for two different things (CVE-2021-41190)."""
    kind, allowed, foreign = _KINDS[name]
    media_type = document.get("mediaType")
    if document.get("schemaVersion") == 1 or media_type in DOCKER_SCHEMA_1:
        hint = "such images are from before 2017: build or push it again with a newer tool"
        raise ImageError("a Docker manifest of schema 1, which is not supported", "manifest", hint)
    if document.get("schemaVersion") != 2:
        raise ImageError("schemaVersion must be 2", kind)
    if media_type is not None and media_type not in allowed:
        raise ImageError(f"expected {kind}, its mediaType says {str(media_type)[:100]!r}")
    present = [one for one in foreign if one in document]
    if present:
        raise ImageError(f"{kind} must not have {' or '.join(present)}", kind)

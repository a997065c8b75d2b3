"""The documents of an image, and how foreign bytes become them.

In: the bytes of an index, a manifest or a config. Out: plain dicts with the
specification's names, whose shape and types the rest of the code may trust;
members that are null are left out, members the specification does not name stay.
Spec: image-spec, image-index.md, manifest.md, config.md, descriptor.md, media-types.md;
and Docker's "Image Manifest V 2, Schema 2", which differs in media types only.
"""

from __future__ import annotations

import json
from typing import Any, NotRequired, TypedDict, cast

from minicontainer.errors import ImageError as ImageError
from minicontainer.lib.shapes import argument, check, digest, map_of_strings, size

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP = f"{OCI_LAYER}+gzip"
OCI_LAYER_ZSTD = f"{OCI_LAYER}+zstd"
OCI_FOREIGN_LAYER = "application/vnd.oci.image.layer.nondistributable.v1.tar"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_LAYER_GZIP = f"{DOCKER_LAYER}.gzip"
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

#: bytes; the distribution-spec bids registries to take manifests of at least this size
LARGEST_DOCUMENT = 4 * 1024 * 1024

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
    digest: str
    size: int
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

    User: str
    ExposedPorts: dict[str, Any]
    Env: list[str]
    Entrypoint: list[str]
    Cmd: list[str]
    Volumes: dict[str, Any]
    WorkingDir: str
    Labels: dict[str, str]
    StopSignal: str


class RootFs(TypedDict):
    """The digests of the uncompressed layers, the lowest first."""

    type: str
    diff_ids: list[str]


ImageConfig = TypedDict(
    "ImageConfig",
    {
        "architecture": str,
        "os": str,
        "variant": NotRequired[str],
        "os.version": NotRequired[str],
        "os.features": NotRequired[list[str]],
        "rootfs": RootFs,
        "config": NotRequired[Settings],
        "created": NotRequired[str],
        "author": NotRequired[str],
        "history": NotRequired[list[dict[str, Any]]],
    },
)


def parse_index(content: bytes) -> Index:
    """The image index in `content`, checked. Raises ImageError.

    Spec: image-spec, image-index.md.
    """
    document = _parse(content, "index")
    _refuse_other_kind(document, ("config", "layers"), INDEX_TYPES, "an index")
    check(document, _INDEX, "index")
    return cast(Index, document)


def parse_manifest(content: bytes) -> Manifest:
    """The image manifest in `content`, checked. Raises ImageError.

    Spec: image-spec, manifest.md.
    """
    document = _parse(content, "manifest")
    _refuse_other_kind(document, ("manifests",), MANIFEST_TYPES, "a manifest")
    check(document, _MANIFEST, "manifest")
    return cast(Manifest, document)


def parse_config(content: bytes) -> ImageConfig:
    """The image config in `content`, checked. Raises ImageError.

    Spec: image-spec, config.md.
    """
    document = _parse(content, "config")
    check(document, _CONFIG, "config")
    if document["rootfs"]["type"] != "layers":
        raise ImageError(f"rootfs.type is {document['rootfs']['type']!r}, not 'layers'", "config")
    return cast(ImageConfig, document)


def media_type_of(content: bytes, claimed: str = "") -> str:
    """What an index or a manifest is: as claimed (by a header), else as it says, else by shape.

    Raises ImageError for what is neither, and for what could be read as both.
    Spec: image-spec, media-types.md; CVE-2021-41190.
    """
    document = _parse(content, "manifest")
    claimed = claimed.partition(";")[0].strip().lower()
    known = (*INDEX_TYPES, *MANIFEST_TYPES, *DOCKER_SCHEMA_1)
    media_type = claimed if claimed in known else document.get("mediaType")
    if media_type not in known:
        media_type = OCI_INDEX if "manifests" in document else OCI_MANIFEST
    parse = parse_index if media_type in INDEX_TYPES else parse_manifest
    parse(content)
    return media_type


def _parse(content: bytes, where: str) -> dict[str, Any]:
    """The JSON object in `content`; whatever a hostile server sends, only ImageError is raised."""
    if len(content) > LARGEST_DOCUMENT:
        raise ImageError(f"larger than {LARGEST_DOCUMENT} bytes", where)
    try:
        document = json.loads(
            content.decode(), object_pairs_hook=_members, parse_constant=_refuse_constant
        )
        json.dumps(document, ensure_ascii=False).encode()  # no half of a surrogate pair
    except RecursionError:
        raise ImageError("nested too deeply", where) from None
    except ValueError as error:
        raise ImageError(f"not a JSON document: {str(error)[:200]}", where) from None
    if not isinstance(document, dict):
        raise ImageError("not a JSON object", where)
    return document


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object's members, without those that are null, which mean the same as absent ones."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("an object has two members of one name")  # readers would differ
    return {name: value for name, value in pairs if value is not None}


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _refuse_other_kind(
    document: dict[str, Any], foreign: tuple[str, ...], allowed: tuple[str, ...], kind: str
) -> None:
    """Refuse what two readers could take for two different things (CVE-2021-41190)."""
    media_type = document.get("mediaType")
    if document.get("schemaVersion") == 1 or media_type in DOCKER_SCHEMA_1:
        hint = "such images are from before 2017: build or push it again with a newer tool"
        raise ImageError("a Docker manifest of schema 1, which is not supported", "manifest", hint)
    if document.get("schemaVersion") != 2:
        raise ImageError("schemaVersion must be 2", kind)
    if media_type is not None and media_type not in allowed:
        raise ImageError(f"expected {kind}, its mediaType says {str(media_type)[:100]!r}")
    present = [name for name in foreign if name in document]
    if present:
        raise ImageError(f"{kind} must not have {' or '.join(present)}", kind)


_Shape = dict[str, Any]
_PLATFORM: _Shape = {
    "architecture": str,
    "os": str,
    "variant?": str,
    "os.version?": str,
    "os.features?": [str],
}
_DESCRIPTOR: _Shape = {
    "mediaType": str,
    "digest": digest,
    "size": size,
    "platform?": _PLATFORM,
    "annotations?": map_of_strings,
    "urls?": [str],
    "artifactType?": str,
}
_INDEX: _Shape = {"manifests": [_DESCRIPTOR], "annotations?": map_of_strings}
_MANIFEST: _Shape = {
    "config": _DESCRIPTOR,
    "layers": [_DESCRIPTOR],
    "annotations?": map_of_strings,
    "subject?": _DESCRIPTOR,
}
_SETTINGS: _Shape = {
    "User?": argument,
    "ExposedPorts?": dict,
    "Env?": [argument],
    "Entrypoint?": [argument],
    "Cmd?": [argument],
    "Volumes?": dict,
    "WorkingDir?": argument,
    "Labels?": map_of_strings,
    "StopSignal?": str,
}
_CONFIG: _Shape = {
    "architecture": str,
    "os": str,
    "variant?": str,
    "os.version?": str,
    "os.features?": [str],
    "config?": _SETTINGS,
    "rootfs": {"type": str, "diff_ids": [digest]},
    "created?": str,
    "author?": str,
    "history?": [dict],
}

"""One image for many machines: which manifest is the one for this machine?

In: an index, or a descriptor of one, and the platform wanted. Out: the
descriptor of the one manifest to use, or all that this image's documents say.
Spec: image-spec, image-index.md, "platform".
"""

from __future__ import annotations

from minicontainer.errors import ImageError
from minicontainer.lib.architectures import go_name, this_machine

from .layout import Layout, read_blob
from .spec import (
    INDEX_TYPES,
    MANIFEST_TYPES,
    Descriptor,
    Image,
    Index,
    Platform,
    parse_config,
    parse_index,
    parse_manifest,
)

#: how many indexes may lead from one to the next
DEEPEST_NESTING = 8

#: variants from the newest to the oldest: each kind of machine also runs those behind its own
_VARIANTS = {
    "amd64": ["v4", "v3", "v2", "v1"],
    "arm64": ["v9", "v8"],
    "arm": ["v8", "v7", "v6", "v5"],
}
#: what an architecture means that names no variant
_DEFAULT_VARIANT = {"amd64": "v1", "arm64": "v8", "arm": "v7"}


class NoMatchingPlatform(ImageError):
    """The index has nothing for the platform wanted; the message lists what it has."""

    def __init__(self, wanted: Platform, offered: list[Platform]) -> None:
        names = sorted({platform_name(one) for one in offered} - {"unknown/unknown"})
        super().__init__(
            f"no image for {platform_name(wanted)}",
            hint=f"on offer: {', '.join(names) or 'nothing that names a platform'}",
        )
        self.wanted, self.offered = wanted, offered


def choose_manifest(index: Index, wanted: Platform) -> Descriptor:
    """The entry of `index` to use on a machine of the platform `wanted`.

    Operating system and architecture must be the same. The exact variant wins,
    then the nearest older one (arm v7 runs v6 and v5 too); no variant means the
    architecture's usual one (arm64 v8, arm v7, amd64 v1). Attestations are marked
    unknown/unknown and never match. An entry that names no platform, which may be
    another index, is taken only if no other fits; unknown media types are ignored.

    Raises NoMatchingPlatform(wanted, offered): `offered` are the entries' platforms.
    Spec: image-spec, image-index.md, "platform".
    """
    known = [one for one in index["manifests"] if one["mediaType"] in INDEX_TYPES + MANIFEST_TYPES]
    for runnable in platforms_run_by(wanted):
        for entry in known:
            if "platform" in entry and identity(entry["platform"]) == runnable:
                return entry
    for entry in known:
        if "platform" not in entry:
            return entry
    raise NoMatchingPlatform(wanted, [one["platform"] for one in known if "platform" in one])


def resolve(layout: Layout, descriptor: Descriptor, wanted: Platform) -> Descriptor:
    """The manifest that `descriptor` leads to on the platform `wanted`.

    A manifest leads to itself; an index to the entry that choose_manifest takes,
    which may be an index again, and so on, at most DEEPEST_NESTING times.

    Raises NoMatchingPlatform, and ImageError for any other type of document, for
    one that is missing or broken, and for indexes nested too deeply.
    Spec: image-spec, image-index.md, "manifests".
    """
    for _ in range(DEEPEST_NESTING + 1):
        if descriptor["mediaType"] in MANIFEST_TYPES:
            return descriptor
        if descriptor["mediaType"] not in INDEX_TYPES:
            raise ImageError(f"{descriptor['mediaType']!r} is no image", descriptor["digest"])
        content = read_blob(layout, descriptor)
        descriptor = choose_manifest(parse_index(content), wanted)
    raise ImageError("indexes are nested too deeply", descriptor["digest"])


def read_image(layout: Layout, descriptor: Descriptor, wanted: Platform) -> Image:
    """The image that `descriptor` leads to on the platform `wanted`, its documents read.

    Raises ImageError as resolve does; BlobMissing if a document is not there.
    """
    chosen = resolve(layout, descriptor, wanted)
    manifest = parse_manifest(read_blob(layout, chosen))
    return Image(chosen, manifest, parse_config(read_blob(layout, manifest["config"])))


def platforms_run_by(wanted: Platform) -> list[tuple[str, str, str]]:
    """The identities of the platforms whose programs run on `wanted`, the best first."""
    os, architecture, variant = identity(wanted)
    variants = _VARIANTS.get(architecture, [])
    older = variants[variants.index(variant) + 1 :] if variant in variants else []
    return [(os, architecture, one) for one in (variant, *older)]


def identity(one: Platform) -> tuple[str, str, str]:
    """Operating system, architecture and variant, where every platform has but one spelling."""
    architecture, implied = go_name(one["architecture"])
    variant = one.get("variant") or implied or _DEFAULT_VARIANT.get(architecture, "")
    variant = f"v{variant}" if variant[:1].isdigit() else variant.lower()
    return one["os"].lower(), architecture, variant


def parse_platform(text: str) -> Platform:
    """The platform that a user names: `linux/arm64`, `linux/arm/v7`. Raises ImageError."""
    parts = text.strip().lower().split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise ImageError(f"{text!r} is not a platform", hint="like linux/amd64 or linux/arm/v7")
    architecture, implied = go_name(parts[1])
    variant = parts[2] if len(parts) == 3 else implied
    chosen: Platform = {"os": parts[0], "architecture": architecture}
    if variant:
        chosen["variant"] = variant
    return chosen


def wanted_platform(text: str | None) -> Platform:
    """The platform that a user names; this machine's if he names none. Raises ImageError."""
    return parse_platform(text or f"linux/{this_machine()}")


def platform_name(one: Platform) -> str:
    """The platform in one word, as parse_platform takes it."""
    parts = (one["os"], one["architecture"], one.get("variant", ""))
    return "/".join(part for part in parts if part)


def host_platform() -> Platform:
    """The platform of containers on this machine; always linux, also on a Mac's or Windows' VM."""
    return parse_platform(f"linux/{this_machine()}")

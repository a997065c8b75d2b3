"""Which image does a name on the command line mean, and is it here already?

In: the words of a user, `nginx` or `workshop/shell`. Out: the descriptor of the
image's manifest for this machine, its blobs in the store; pulled if need be.
"""

from __future__ import annotations

from collections.abc import Callable

from minicontainer import explain
from minicontainer.errors import MinicontainerError
from minicontainer.step03_image.layout import Layout, has_blob, read_blob, references
from minicontainer.step03_image.manifest import resolve
from minicontainer.step03_image.spec import Descriptor, Platform, parse_manifest
from minicontainer.step04_registry.reference import Reference


class ImageMissing(MinicontainerError):
    """The store has no such image."""


def find_image(layout: Layout, reference: Reference) -> Descriptor | None:
    """What the store has under that name, or with that digest; None if nothing."""
    known = references(layout)
    if str(reference) in known:
        return known[str(reference)]
    same = [one for one in known.values() if one["digest"] == reference.digest]
    return same[0] if same else None


def obtain(
    layout: Layout,
    reference: Reference,
    wanted: Platform,
    pull: Callable[[], Descriptor],
    policy: str = "missing",
) -> Descriptor:
    """The manifest of the image for the platform `wanted`; pulled unless it is here whole.

    `pull()` brings the image into the store and gives what its name then points to.
    `policy` is missing, always or never, as for docker's --pull.
    Raises MinicontainerError.
    """
    explain.step("find the image", f"{reference}: is it in the store?")
    found = None if policy == "always" else find_image(layout, reference)
    if found is not None:
        manifest = resolve(layout, found, wanted)
        if is_whole(layout, manifest):
            return manifest
    if policy == "never":
        hint = f"minicontainer pull {reference.familiar} brings it."
        raise ImageMissing("the image is not in the store", reference.familiar, hint)
    return resolve(layout, pull(), wanted)


def is_whole(layout: Layout, manifest: Descriptor) -> bool:
    """Whether the manifest, its config and all its layers are in the store."""
    if not has_blob(layout, manifest):
        return False
    parts = parse_manifest(read_blob(layout, manifest))
    return all(has_blob(layout, one) for one in (parts["config"], *parts["layers"]))

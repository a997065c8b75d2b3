"""Which image does a name on the command line mean, and is it here already?

In: the words of a user, `nginx` or `workshop/shell`. Out: the image for this
machine, its documents read once and for all; its blobs are in the store, pulled
if need be.
"""

from __future__ import annotations

from collections.abc import Callable

from minicontainer import explain
from minicontainer.errors import BlobMissing, MinicontainerError
from minicontainer.step03_image.layout import Layout, has_blob, references
from minicontainer.step03_image.manifest import read_image
from minicontainer.step03_image.spec import Descriptor, Image, Platform
from minicontainer.step04_registry.reference import Reference


class ImageMissing(MinicontainerError):
    """The store has no such image."""


def obtain(
    layout: Layout,
    reference: Reference,
    wanted: Platform,
    pull: Callable[[], Descriptor],
    policy: str = "missing",
) -> Image:
    """The image for the platform `wanted`; pulled unless it is here whole.

    `pull()` brings the image into the store and gives what its name then points to.
    `policy` is missing, always or never, as for docker's --pull.
    Raises MinicontainerError.
    """
    explain.step("find the image", f"{reference}: is it in the store?")
    found = None if policy == "always" else find_image(layout, reference)
    image = whole_image(layout, found, wanted) if found else None
    if image is None and policy == "never":
        hint = f"minicontainer pull {reference.familiar} brings it."
        raise ImageMissing("the image is not in the store", reference.familiar, hint)
    return image or read_image(layout, pull(), wanted)


def find_image(layout: Layout, reference: Reference) -> Descriptor | None:
    """What the store has under that name, or with that digest; None if nothing."""
    known = references(layout)
    if str(reference) in known:
        return known[str(reference)]
    same = [one for one in known.values() if one["digest"] == reference.digest]
    return same[0] if same else None


def whole_image(layout: Layout, descriptor: Descriptor, wanted: Platform) -> Image | None:
    """The image that `descriptor` leads to, if its documents and layers are in the store too."""
    try:
        image = read_image(layout, descriptor, wanted)
    except BlobMissing:
        return None
    return image if all(has_blob(layout, one) for one in image.manifest["layers"]) else None

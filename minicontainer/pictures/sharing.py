"""Which manifests are drawn in full, what do they share, and what does that save?

In: images (documents.py). Out: manifests to draw, the digests of shared layers,
and, manifest by manifest, how much a pull after the earlier ones skips.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from minicontainer.errors import MinicontainerError
from minicontainer.step03_image.manifest import (
    host_platform,
    identity,
    parse_platform,
    platform_name,
    platforms_run_by,
)
from minicontainer.step03_image.spec import Platform

from .documents import Found, Image
from .text import plural, size

#: images with more platforms than this, all together, are drawn for one platform each.
UNFOLDED = 4


class Drawn(NamedTuple):
    """A manifest to draw in full, and the name of the image that led to it."""

    name: str
    manifest: Found

    @property
    def layers(self) -> list[Found]:
        return [child for child in self.manifest.children if child.kind == "layer"]


class Saving(NamedTuple):
    """What pulling `drawn` skips when the images before it are here already; sizes in bytes."""

    drawn: Drawn
    here: int
    saved: int
    whole: int

    def __str__(self) -> str:
        of = f"{self.here} of {plural(len(self.drawn.layers), 'layer')}"
        title = " ".join(filter(None, (self.drawn.name, self.drawn.manifest.platform)))
        return f"{title}: {of} shared, a second pull saves {size(self.saved)} of {size(self.whole)}"


def choose_drawn(images: Sequence[Image], platform: str | None) -> list[Drawn]:
    """The manifests to draw in full: for `platform`, or all, or where they are many, one an image.

    Raises MinicontainerError when an image has nothing for `platform`; it lists what it has.
    """
    runnable = {
        f"{image.name} {image.origin}": [
            Drawn(image.name, it)
            for it in image.top.each()
            if it.kind == "manifest" and not it.absent
        ]
        for image in images
    }
    if not platform and sum(map(len, runnable.values())) <= UNFOLDED:
        return [it for candidates in runnable.values() for it in candidates]
    wanted = parse_platform(platform) if platform else None
    return [_fittest(candidates, wanted) for candidates in runnable.values() if candidates]


def _fittest(candidates: list[Drawn], wanted: Platform | None) -> Drawn:
    """The one for `wanted`; where nothing is asked for, for this machine, else the first."""
    for runs in platforms_run_by(wanted or host_platform()):
        for it in candidates:
            platform = it.manifest.descriptor.get("platform")
            if platform is None or identity(platform) == runs:
                return it
    if wanted is None:
        return candidates[0]
    on_offer = ", ".join(sorted({it.manifest.platform for it in candidates}))
    what = f"nothing for {platform_name(wanted)}"
    raise MinicontainerError(what, candidates[0].name, f"on offer: {on_offer}")


def shared_layers(drawn: Sequence[Drawn]) -> set[str]:
    """The digests of layers that more than one of the manifests has."""
    once = {it.manifest.digest: {layer.digest for layer in it.layers} for it in drawn}
    uses = Counter(digest for digests in once.values() for digest in digests)
    return {digest for digest, count in uses.items() if count > 1}


def second_pulls(drawn: Sequence[Drawn]) -> list[Saving]:
    """For each manifest of a later image, what the earlier images' layers spare its pull."""
    here: dict[str, set[str]] = {}
    savings = []
    for it in drawn:
        earlier = set().union(*(digests for name, digests in here.items() if name != it.name))
        blobs = {child.digest: child.size for child in it.manifest.children}
        known = earlier & {layer.digest for layer in it.layers}
        if known:
            saved = sum(blobs[digest] for digest in known)
            savings.append(Saving(it, len(known), saved, sum(blobs.values())))
        here.setdefault(it.name, set()).update(blobs)
    return savings

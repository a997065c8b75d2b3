"""How does a name become an image on this machine?

In: a reference. Out: the index or manifest it names, its config and its layers
as verified blobs in the layout, and the name in its index.json: written last,
so that a name never leads to an image that is not all there.
distribution-spec, spec.md, "Pull"; image-spec, image-layout.md.
"""

from __future__ import annotations

from minicontainer import explain
from minicontainer.errors import ImageError
from minicontainer.lib.http_errors import LoginNeeded, NotFound
from minicontainer.lib.parallel import in_parallel
from minicontainer.step03_image.blobs import drop_if_damaged, in_use, is_intact, write_blob
from minicontainer.step03_image.layout import Layout, has_blob, read_blob, references, tag
from minicontainer.step03_image.manifest import DEEPEST_NESTING, choose_manifest, host_platform
from minicontainer.step03_image.spec import (
    INDEX_TYPES,
    Descriptor,
    Manifest,
    Platform,
    parse_index,
    parse_manifest,
)

from .client import Progress, Registry, get_blob, get_manifest, head_manifest
from .offers import with_offer
from .reference import Reference


def pull(
    reference: Reference,
    layout: Layout,
    platform: Platform | None = None,
    *,
    registry: Registry | None = None,
    progress: Progress | None = None,
) -> Descriptor:
    """Bring the image that `reference` names, for `platform` (this machine's), into `layout`.

    Gives the descriptor of what the name stands for, an index or a manifest
    (step 03's resolve leads from there to the manifest). Blobs that are there
    are not fetched again; the others come several at a time, each one whole
    and verified or not at all; only then `layout` learns the name. All threads
    have ended when this returns or raises.

    Raises NotFound (which lists the tags on offer), NoMatchingPlatform (the
    platforms), RegistryError, ImageError. Spec: distribution-spec, spec.md, "Pull".
    """
    registry = registry or Registry(reference.api_host)
    repository = reference.repository
    with in_use(layout):
        top, manifest = get_documents(registry, reference, layout, platform or host_platform())
        blobs = {blob["digest"]: blob for blob in [manifest["config"], *manifest["layers"]]}
        missing = [blob for blob in blobs.values() if not has_blob(layout, blob)]
        report_what_is_there(len(blobs), len(missing))

        def fetch(blob: Descriptor) -> None:
            get_blob(registry, repository, blob, layout, progress)

        in_parallel(registry.session, fetch, missing)
        tag(layout, str(reference), top)
    return top


def get_documents(
    registry: Registry, reference: Reference, layout: Layout, platform: Platform
) -> tuple[Descriptor, Manifest]:
    """What the name stands for, and the manifest it leads to; all documents put into `layout`.

    Blobs of the manifest that are there but damaged are removed from `layout`: they are missing.
    """
    top, content = get_top(registry, reference, layout)
    descriptor = top
    for _ in range(DEEPEST_NESTING):
        if descriptor["mediaType"] not in INDEX_TYPES:
            break
        descriptor = choose_manifest(parse_index(content), platform)
        content = get_child(registry, reference.repository, descriptor, layout)
    if descriptor["mediaType"] in INDEX_TYPES:
        raise ImageError("indexes are nested too deeply", str(reference))
    manifest = parse_manifest(content)
    for blob in (manifest["config"], *manifest["layers"]):
        drop_if_damaged(layout, blob)
    return top, manifest


def get_top(registry: Registry, reference: Reference, layout: Layout) -> tuple[Descriptor, bytes]:
    """What the name stands for now; if that is here already, the registry is only asked for it."""
    known = references(layout).get(str(reference))
    repository, wanted = reference.repository, reference.wanted
    if known is not None and is_intact(layout, known):
        explain.step(f"Is {reference.familiar} still what we have?", "a HEAD request tells")
        if head_manifest(registry, repository, wanted) == known["digest"]:
            return plain(known), read_blob(layout, known)
    explain.step(f"Ask {registry.host} for {repository}, {wanted}", "it gives a manifest or index")
    try:
        descriptor, content = get_manifest(registry, repository, wanted)
    except (NotFound, LoginNeeded) as missing:
        raise with_offer(missing, registry, reference) from missing
    write_blob(layout, content, descriptor["mediaType"])
    return descriptor, content


def get_child(registry: Registry, repository: str, descriptor: Descriptor, layout: Layout) -> bytes:
    """The manifest or index that an index points to, from here or from the registry."""
    if is_intact(layout, descriptor):
        return read_blob(layout, descriptor)
    explain.step("Fetch the manifest for this platform", "by its digest, which the index gives")
    found, content = get_manifest(registry, repository, descriptor["digest"])
    if found["size"] != descriptor["size"]:
        what = f"{found['size']} bytes, where the index says {descriptor['size']}"
        raise ImageError(what, descriptor["digest"])
    write_blob(layout, content, descriptor["mediaType"])
    return content


def plain(descriptor: Descriptor) -> Descriptor:
    """The descriptor without what the layout added to it."""
    return {
        "mediaType": descriptor["mediaType"],
        "digest": descriptor["digest"],
        "size": descriptor["size"],
    }


def report_what_is_there(needed: int, missing: int) -> None:
    explain.step(
        f"Fetch {missing} of {needed} blobs",
        f"config and layers; {needed - missing} are here already, by their digests",
    )

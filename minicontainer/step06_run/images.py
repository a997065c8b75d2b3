"""Which image does a name on the command line mean, and is it here already?

In: the words of a user, `nginx` or `workshop/shell`. Out: the descriptor of the
image's manifest for this machine, its blobs in the store; pulled if need be.
The images `workshop/…` come from the kit's own registry, which needs no network.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from minicontainer import explain
from minicontainer.errors import MinicontainerError
from minicontainer.step03_image.layout import Layout, create_layout, has_blob, read_blob, references
from minicontainer.step03_image.manifest import resolve
from minicontainer.step03_image.spec import Descriptor, Platform, parse_manifest
from minicontainer.step04_registry.client import Progress, Registry
from minicontainer.step04_registry.embedded import make_images
from minicontainer.step04_registry.pull import pull
from minicontainer.step04_registry.reference import DEFAULT_REGISTRY, Reference
from minicontainer.step04_registry.server import running_registry
from minicontainer.step05_auth.authorize import authorizer

#: host:port of a running embedded registry; without it one is started when it is needed
REGISTRY_VARIABLE = "MINICONTAINER_REGISTRY"


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
    policy: str = "missing",
    progress: Progress | None = None,
) -> Descriptor:
    """The manifest of the image for the platform `wanted`; pulled unless it is here whole.

    `policy` is missing, always or never, as for docker's --pull. Raises
    MinicontainerError.
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
    return resolve(layout, pull_image(layout, reference, wanted, progress), wanted)


def is_whole(layout: Layout, manifest: Descriptor) -> bool:
    """Whether the manifest, its config and all its layers are in the store."""
    if not has_blob(layout, manifest):
        return False
    parts = parse_manifest(read_blob(layout, manifest))
    return all(has_blob(layout, one) for one in (parts["config"], *parts["layers"]))


def pull_image(
    layout: Layout, reference: Reference, wanted: Platform, progress: Progress | None = None
) -> Descriptor:
    """Pull the image into the store, whatever is there already; what its name then points to."""
    with registry_of(reference) as registry:
        return pull(reference, layout, wanted, registry=registry, progress=progress)


@contextlib.contextmanager
def registry_of(reference: Reference) -> Iterator[Registry]:
    """The registry that has the image; for `workshop/…` the kit's own, as a mirror of docker.io."""
    with contextlib.ExitStack() as stack:
        host, login = reference.api_host, reference.registry
        if reference.registry == DEFAULT_REGISTRY and reference.repository.startswith("workshop/"):
            host = os.environ.get(REGISTRY_VARIABLE) or stack.enter_context(embedded_registry())
            login = host  # the mirror must not see the login for docker.io
        registry = Registry(host, authorize=authorizer(login))
        stack.callback(registry.close)
        yield registry


@contextlib.contextmanager
def embedded_registry() -> Iterator[str]:
    """The kit's own registry, in threads of this process for as long as it is needed."""
    explain.step(
        "start the workshop's own registry",
        "It answers on this machine only, and serves images made from this machine's files.",
    )
    with running_registry(embedded_images()) as address:
        yield address


def embedded_images() -> Layout:
    """The layout with the images that the kit makes itself, made now if they are not there."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    layout = create_layout(Path(cache) / "minicontainer" / "embedded")
    with explain.silence():
        make_images(layout)
    return layout

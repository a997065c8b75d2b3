"""The images `workshop/…`: whence do they come, and what does a pull of them talk to?

From the kit's own registry on this machine, which needs no network: it is taken
for a mirror of docker.io that has these repositories.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from minicontainer import explain
from minicontainer.lib import places
from minicontainer.step03_image.layout import Layout, create_layout
from minicontainer.step03_image.spec import Descriptor, Platform
from minicontainer.step04_registry.client import Progress, Registry
from minicontainer.step04_registry.pull import pull
from minicontainer.step04_registry.reference import DEFAULT_REGISTRY, Reference
from minicontainer.step05_auth.authorize import authorizer

from .embedded import make_images
from .server import running_registry

#: host:port of a running embedded registry; without it one is started when it is needed
REGISTRY_VARIABLE = "MINICONTAINER_REGISTRY"


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
    layout = create_layout(Path(places.cache(), "embedded"))
    with explain.silence():
        make_images(layout)
    return layout

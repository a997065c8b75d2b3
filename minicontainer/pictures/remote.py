"""What does an image in a registry consist of? Its manifests are asked for, its layers are not.

In: a reference. Out: an `Image` (documents.py) whose documents came over HTTP,
each verified. distribution-spec, spec.md, "Pulling manifests".
"""

from __future__ import annotations

from minicontainer.errors import ImageError
from minicontainer.lib.http import read_body
from minicontainer.lib.http_errors import LoginNeeded, NotFound
from minicontainer.registry.mirror import registry_of
from minicontainer.step03_image.digest import check_digest
from minicontainer.step03_image.spec import LARGEST_DOCUMENT, Descriptor
from minicontainer.step04_registry.client import Registry, get_manifest
from minicontainer.step04_registry.offers import with_offer
from minicontainer.step04_registry.reference import Reference

from .documents import Image, fetch_configs, read_tree

#: manifests to ask for at a time: thirty platforms take thirty requests.
AT_ONCE = 8


def open_remote(reference: Reference, configs: bool = False) -> Image:
    """The image that `reference` names in its registry; with `configs`, those are read too.

    Raises NotFound and other RegistryErrors.
    """
    documents: dict[str, bytes] = {}

    def read(descriptor: Descriptor) -> bytes:
        """What was fetched while the connection was open."""
        digest = descriptor["digest"]
        if digest not in documents:
            raise ImageError("it was not fetched", digest)
        return documents[digest]

    with registry_of(reference) as registry:
        repository = reference.repository

        def fetch(descriptor: Descriptor) -> bytes:
            digest = descriptor["digest"]
            if digest not in documents:
                documents[digest] = get_manifest(registry, repository, digest)[1]
            return documents[digest]

        def fetch_config(descriptor: Descriptor) -> None:
            documents[descriptor["digest"]] = _small_blob(registry, repository, descriptor)

        try:
            top, content = get_manifest(registry, repository, reference.wanted)
        except (NotFound, LoginNeeded) as missing:
            raise with_offer(missing, registry, reference) from None
        documents[top["digest"]] = content
        tree = read_tree(top, fetch, AT_ONCE)
        if configs:
            fetch_configs(tree, fetch_config, AT_ONCE)
    ours = registry.host != reference.api_host
    origin = "in the kit's registry" if ours else f"at {registry.host}"
    # the layers stay in the registry
    return Image(reference.familiar, origin, tree, read, file=lambda digest: None)


def _small_blob(registry: Registry, repository: str, descriptor: Descriptor) -> bytes:
    """A config. Raises ImageError, DigestMismatch and what Registry.get raises."""
    if descriptor["size"] > LARGEST_DOCUMENT:
        raise ImageError("too large for a document", descriptor["digest"])
    path = f"/v2/{repository}/blobs/{descriptor['digest']}"
    with registry.get(path, repository) as response:
        content = read_body(response, LARGEST_DOCUMENT)
    check_digest(descriptor["digest"], content)
    return content

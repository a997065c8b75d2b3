"""`minicontainer pull`, `images`, `inspect`, `rmi`, `tags` and `unpack`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os

from minicontainer import explain
from minicontainer.errors import MinicontainerError
from minicontainer.lib import places
from minicontainer.lib.removal import remove_tree
from minicontainer.lib.tables import print_table
from minicontainer.registry.mirror import pull_image, registry_of
from minicontainer.step03_image.layers import chain_ids
from minicontainer.step03_image.layout import (
    Layout,
    create_layout,
    open_layout,
    references,
    untag,
)
from minicontainer.step03_image.manifest import (
    host_platform,
    platform_name,
    read_image,
    resolve,
    wanted_platform,
)
from minicontainer.step03_image.spec import Descriptor, Platform
from minicontainer.step03_image.unpack import unpack as unpack_image
from minicontainer.step04_registry.client import list_tags
from minicontainer.step04_registry.reference import Reference, parse_reference
from minicontainer.step06_run.containers import all_containers
from minicontainer.step06_run.engine import enter_mount_namespace
from minicontainer.step06_run.obtain import ImageMissing, find_image, whole_image

from . import records
from .gc import prune
from .progress_bar import pull_progress
from .words import ago, size


def pull(arguments: argparse.Namespace) -> int:
    """`minicontainer pull`: prints the digest and the name of what is now in the store."""
    layout = create_layout(places.store())
    reference, wanted = parse_reference(arguments.image), wanted_platform(arguments.platform)
    with pull_progress() as progress:
        descriptor = pull_image(layout, reference, wanted, progress)
    if not arguments.quiet:
        print(f"Digest: {descriptor['digest']}")
    print(reference)
    return 0


def images(arguments: argparse.Namespace) -> int:
    """`minicontainer images`: every name in the store, with what it points to on this machine."""
    layout = create_layout(places.store())
    rows = []
    for name, descriptor in sorted(references(layout).items()):
        digest = descriptor["digest"]
        short = digest if arguments.digests else digest.partition(":")[2][:12]
        if arguments.quiet:
            print(short)
            continue
        repository, _, tag = _familiar(name).rpartition(":")
        rows.append([repository, tag, short, *_facts(layout, descriptor)])
    if not arguments.quiet:
        heads = ["REPOSITORY", "TAG", "DIGEST", "PLATFORM", "CREATED", "SIZE"]
        print_table(heads, rows)
    return 0


def inspect(arguments: argparse.Namespace) -> int:
    """`minicontainer inspect`: images and containers as a JSON list, as docker prints them."""
    layout = create_layout(places.store())
    wanted = wanted_platform(arguments.platform)
    found = [_inspected(layout, name, wanted) for name in arguments.names]
    print(json.dumps(found, indent=2))
    return 0


def rmi(arguments: argparse.Namespace) -> int:
    """`minicontainer rmi`: forget names, then remove what no name leads to any more."""
    layout = create_layout(places.store())
    named = [parse_reference(text) for text in arguments.images]
    containers = all_containers(str(layout.path))
    for reference in named:
        if str(reference) not in references(layout):
            raise _missing(layout, reference)
        users = [one["name"] for one in containers if one["image"] == reference.familiar]
        if users:
            hint = f"Remove its containers first: minicontainer rm {' '.join(users)}"
            raise MinicontainerError("the image is in use", reference.familiar, hint)
    for reference in named:
        untag(layout, str(reference))
        print(f"Untagged: {reference.familiar}")
    for digest in prune(layout):
        print(f"Deleted: {digest}")
    _remove_unused_trees(layout)
    return 0


def tags(arguments: argparse.Namespace) -> int:
    """`minicontainer tags`: one tag a line, as the registry lists them."""
    reference = parse_reference(arguments.image)
    with registry_of(reference) as registry:
        explain.step("list the tags", "The registry tells them page by page.")
        for tag in list_tags(registry, reference.repository):
            print(tag)
    return 0


def unpack(arguments: argparse.Namespace) -> int:
    """`minicontainer unpack`: the image's files in a new directory, all layers in one tree."""
    wanted = wanted_platform(arguments.platform)
    layout, descriptor = _source(arguments.source)
    explain.step("unpack the image", "Layer by layer, each over the one before it.")
    unpack_image(layout, resolve(layout, descriptor, wanted), arguments.directory)
    return 0


def _source(text: str) -> tuple[Layout, Descriptor]:
    """What `unpack` is to unpack: a name in the store, or `oci:LAYOUT_DIR:TAG`."""
    kind, _, rest = text.partition(":")
    if kind != "oci":
        layout = create_layout(places.store())
        return layout, _found(layout, parse_reference(text))
    path, _, tag = rest.partition(":")
    layout = open_layout(path)
    known = references(layout)
    if tag not in known:
        names = ", ".join(sorted(known)) or "no name at all"
        raise ImageMissing(f"no image {tag!r}", path, f"It has {names}.")
    return layout, known[tag]


def _found(layout: Layout, reference: Reference) -> Descriptor:
    descriptor = find_image(layout, reference)
    if descriptor is None:
        raise _missing(layout, reference)
    return descriptor


def _missing(layout: Layout, reference: Reference) -> ImageMissing:
    names = ", ".join(sorted(map(_familiar, references(layout)))) or "no image yet"
    hint = f"The store has {names}; minicontainer pull brings others."
    return ImageMissing("no such image in the store", reference.familiar, hint)


def _familiar(name: str) -> str:
    with contextlib.suppress(MinicontainerError):
        return parse_reference(name).familiar
    return name


def _facts(layout: Layout, descriptor: Descriptor) -> list[str]:
    """Platform, age and size (bytes to fetch) of the image on this machine, where it is here."""
    try:
        image = whole_image(layout, descriptor, host_platform())
    except MinicontainerError:
        image = None
    if image is None:
        return ["(not for this machine)", "", ""]
    total = sum(layer["size"] for layer in image.manifest["layers"])
    created = ago(image.config.get("created", ""))
    return [platform_name(image.config), created, size(total)]


def _inspected(layout: Layout, name: str, wanted: Platform) -> dict:
    store = str(layout.path)
    with contextlib.suppress(records.UnknownContainer):
        record = records.find(store, name)
        command = records.command(store, record)
        return {**record, "command": command, "status": records.status(record)}
    reference = parse_reference(name)
    descriptor = _found(layout, reference)
    image = read_image(layout, descriptor, wanted)
    return {
        "name": str(reference),
        "descriptor": descriptor,
        "manifestDescriptor": image.descriptor,
        "manifest": image.manifest,
        "config": image.config,
    }


def _remove_unused_trees(layout: Layout) -> None:
    """Remove the unpacked trees (engine.image_tree) of images that are gone."""
    trees = os.path.join(layout.path, "trees")
    needed = set()
    for descriptor in references(layout).values():
        with contextlib.suppress(MinicontainerError):
            image = read_image(layout, descriptor, host_platform())
            chain = chain_ids(image.config["rootfs"]["diff_ids"])
            needed.add((chain or ["empty"])[-1].replace(":", "-"))
    unused = set(os.listdir(trees)) - needed if os.path.isdir(trees) else set()
    if unused:
        enter_mount_namespace()
        for name in unused:
            remove_tree(os.path.join(trees, name))

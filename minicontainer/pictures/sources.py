"""Where is an image: in the store, in an OCI layout, or in a registry?

In: names as a person writes them. Out: an `Image` (documents.py) for each.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from minicontainer.errors import MinicontainerError
from minicontainer.lib import places
from minicontainer.step03_image.layout import (
    Layout,
    blob_path,
    open_layout,
    read_blob,
    references,
)
from minicontainer.step03_image.spec import Descriptor
from minicontainer.step04_registry.reference import parse_reference

from .documents import Image, read_tree
from .remote import open_remote

#: one or several, as a person writes them
Names = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


def open_images(names: Names, store: Path | None = None, *, configs: bool = False) -> list[Image]:
    """The images that `names` mean; a layout directory stands for all its tags.

    With `configs` those of remote images are fetched too (local ones are at hand).
    Raises a MinicontainerError when a name leads nowhere.
    """
    names = [names] if isinstance(names, (str, os.PathLike)) else list(names)
    found = [image for name in names for image in _open(os.fspath(name), store, configs)]
    if not found:
        raise MinicontainerError("no image to draw", ", ".join(map(str, names)))
    return found


def _open(name: str, store: Path | None, configs: bool) -> list[Image]:
    directory, tag = name, ""
    if name.startswith("oci:"):
        directory, _, tag = name.removeprefix("oci:").partition(":")
    if name.startswith("oci:") or os.path.isfile(os.path.join(name, "oci-layout")):
        return _in_layout(Path(directory), tag)
    reference = parse_reference(name)
    kept_in = Path(store or places.store())
    if (kept_in / "oci-layout").exists():
        layout = open_layout(kept_in)
        kept = references(layout).get(str(reference))
        if kept:
            return [_image(reference.familiar, "in the store", kept, layout)]
    return [open_remote(reference, configs)]


def _in_layout(directory: Path, tag: str) -> list[Image]:
    layout = open_layout(directory)
    tagged = references(layout)
    if tag and tag not in tagged:
        on_offer = ", ".join(sorted(tagged)) or "none"
        raise MinicontainerError(f"no tag {tag!r}", str(directory), f"tags on offer: {on_offer}")
    names = [tag] if tag else sorted(tagged)
    return [_image(_familiar(name), f"in {directory.name}", tagged[name], layout) for name in names]


def _familiar(name: str) -> str:
    """A reference name as docker shows it; a bare tag, or what is none, as it is."""
    return name.removeprefix("docker.io/").removeprefix("library/") or name


def _image(name: str, origin: str, top: Descriptor, layout: Layout) -> Image:
    def read(descriptor: Descriptor) -> bytes:
        return read_blob(layout, descriptor)

    def file(digest: str) -> Path | None:
        path = blob_path(layout, digest)
        return path if path.is_file() else None

    return Image(name, origin, read_tree(top, read), read, file)

"""What does an image consist of? Its documents, read from wherever the image is.

In: a reference in the store, a reference in a registry (layers are not
fetched), `oci:DIR[:TAG]` or the directory of an OCI layout. Out: an `Image`,
the tree of `Found` documents. A part that can't be read is shown as such.
image-spec, image-index.md and manifest.md.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from minicontainer.errors import BlobMissing, MinicontainerError
from minicontainer.step03_image.layout import (
    Layout,
    blob_path,
    default_store,
    open_layout,
    read_blob,
    references,
)
from minicontainer.step03_image.manifest import platform_name
from minicontainer.step03_image.spec import (
    INDEX_TYPES,
    Descriptor,
    parse_index,
    parse_manifest,
)

#: a picture of more would help nobody, and a hostile index may list millions.
MOST_ENTRIES, DEEPEST = 200, 4
ABSENT = "not here"

Reader = Callable[[Descriptor], bytes]


class Found(NamedTuple):
    """A descriptor, and what it was found to lead to.

    `kind` is index, manifest, attestation, config or layer; `content` are the
    document's bytes, None when it was not read, and then `problem` may say why.
    """

    descriptor: Descriptor
    kind: str
    content: bytes | None = None
    children: tuple[Found, ...] = ()
    problem: str = ""
    #: the descriptor is known, the blob is not here (as after a pull for one platform).
    absent: bool = False

    @property
    def digest(self) -> str:
        return self.descriptor["digest"]

    @property
    def size(self) -> int:
        return self.descriptor["size"]

    @property
    def platform(self) -> str:
        """`linux/arm64/v8`, or "" where the descriptor names none."""
        platform = self.descriptor.get("platform")
        return platform_name(platform) if platform else ""

    def each(self) -> Iterable[Found]:
        """This and everything below, in the order of the documents."""
        yield self
        for child in self.children:
            yield from child.each()


class Image(NamedTuple):
    """One image: its name, where it was found, its documents, and how to read a blob of it."""

    name: str
    origin: str
    top: Found
    read: Reader
    #: the file of a blob on this machine, None when it is not here.
    file: Callable[[str], Path | None]


def open_images(
    names: Iterable[str | os.PathLike[str]], store: Path | None = None, *, configs: bool = False
) -> list[Image]:
    """The images that `names` mean; a layout directory stands for all its tags.

    With `configs` those of remote images are fetched too (local ones are at hand).
    Raises a MinicontainerError when a name leads nowhere.
    """
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
    from minicontainer.step04_registry.reference import parse_reference

    reference = parse_reference(name)
    kept_in = store or default_store()
    if (kept_in / "oci-layout").exists():
        layout = open_layout(kept_in)
        kept = references(layout).get(str(reference))
        if kept:
            return [_image(reference.familiar, "in the store", kept, layout)]
    from .remote import open_remote

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


def read_tree(top: Descriptor, read: Reader, at_once: int = 1) -> Found:
    """All documents below the descriptor `top`; `at_once` of them are asked for at a time."""
    with ThreadPoolExecutor(at_once) as pool:
        return _descend([top], read, pool, 0)[0]


def fetch_configs(top: Found, fetch: Callable[[Descriptor], None], at_once: int) -> None:
    """Let `fetch` bring the config of each manifest below `top`; failures show when it is read."""

    def quietly(descriptor: Descriptor) -> None:
        with contextlib.suppress(MinicontainerError):
            fetch(descriptor)

    configs = [it.descriptor for it in top.each() if it.kind == "config"]
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(quietly, configs[:MOST_ENTRIES]))


def _descend(
    tops: list[Descriptor], read: Reader, pool: ThreadPoolExecutor, depth: int
) -> list[Found]:
    """`tops` with what is below them; the documents of one level are read together."""
    results = []
    for top, (content, document, problem) in zip(tops, pool.map(_reading(read), tops), strict=True):
        kind = kind_of(top)
        children: list[Found] = []
        if document is not None and "manifests" in document and depth < DEEPEST:
            children = _descend(document["manifests"][:MOST_ENTRIES], read, pool, depth + 1)
        elif document is not None and "layers" in document:
            layers = document["layers"][:MOST_ENTRIES]
            children = [Found(document["config"], "config"), *(Found(it, "layer") for it in layers)]
        absent = problem == ABSENT
        results.append(Found(top, kind, content, tuple(children), problem, absent))
    return results


def _reading(read: Reader) -> Callable[[Descriptor], tuple[bytes | None, Any, str]]:
    """`read` and parse, with a failure as a text in the third place."""

    def read_document(descriptor: Descriptor) -> tuple[bytes | None, Any, str]:
        content = None
        try:
            content = read(descriptor)
            parse = parse_index if kind_of(descriptor) == "index" else parse_manifest
            return content, parse(content), ""
        except BlobMissing:
            return None, None, ABSENT
        except MinicontainerError as error:
            return content, None, error.what
        except OSError as error:
            return content, None, error.strerror or str(error)

    return read_document


def kind_of(descriptor: Descriptor) -> str:
    """Index, attestation or manifest, as the descriptor in an index announces it."""
    if descriptor["mediaType"] in INDEX_TYPES:
        return "index"
    platform = descriptor.get("platform")
    unknown = platform is not None and platform_name(platform) == "unknown/unknown"
    marked = "vnd.docker.reference.type" in descriptor.get("annotations", {})
    return "attestation" if unknown or marked else "manifest"


def is_docker(media_type: str) -> bool:
    """Whether the media type is Docker's (schema 2) and not the OCI's."""
    return media_type.startswith("application/vnd.docker.")

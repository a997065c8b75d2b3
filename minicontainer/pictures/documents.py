"""What does an image consist of? Its documents, read from wherever the image is.

In: a descriptor, and how to read a blob (sources.py, remote.py). Out: the tree
of `Found` documents. A part that can't be read is shown as such.
image-spec, image-index.md and manifest.md.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from minicontainer.errors import BlobMissing, MinicontainerError
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
    read_all = pool.map(partial(_read_document, read), tops)
    for top, (content, document, problem) in zip(tops, read_all, strict=True):
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


def _read_document(read: Reader, descriptor: Descriptor) -> tuple[bytes | None, Any, str]:
    """The document's bytes, and what they say; with a failure as a text in the third place."""
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

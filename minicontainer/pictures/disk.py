"""What lies in a registry's storage? The CNCF distribution registry's directories, read.

In: a directory or an address that fsspec knows (`s3://bucket/prefix`). Out: a
`Storage`: blobs, and for every repository its tags, revisions, layer links and
uploads. A link is a file that holds nothing but a digest. Nothing is written.
The layout is told in distribution's registry/storage/paths.go.
"""

from __future__ import annotations

import os
import re
import stat
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minicontainer.errors import MinicontainerError
from minicontainer.lib.files import files_below
from minicontainer.lib.packages import how_to_install
from minicontainer.step03_image.digest import split_digest
from minicontainer.step03_image.spec import (
    INDEX_TYPES,
    LARGEST_DOCUMENT,
    media_type_of,
    parse_index,
    parse_manifest,
)

BASE = "docker/registry/v2"
#: files to look at; a registry in earnest has millions.
MOST_FILES = 20_000
_BLOB = re.compile(r"blobs/(\w+)/\w\w/(\w+)/data")
_LINK = re.compile(
    r"repositories/(?P<name>.+)/(?:_manifests/tags/(?P<tag>[^/]+)/current"
    r"|_manifests/revisions/(?P<revision>\w+/\w+)|_layers/(?P<layer>\w+/\w+))/link"
)
_UPLOAD = re.compile(r"repositories/(.+)/_uploads/([^/]+)/data")


@dataclass
class Repository:
    """One repository: what its link files say. Digests; for uploads, bytes."""

    tags: dict[str, str] = field(default_factory=dict)
    revisions: set[str] = field(default_factory=set)
    layers: set[str] = field(default_factory=set)
    uploads: dict[str, int] = field(default_factory=dict)
    #: what the manifests of this repository lead to.
    used: set[str] = field(default_factory=set)

    def unused(self) -> set[str]:
        """Linked here, but no tag or manifest leads to it."""
        return (self.layers | self.revisions) - self.used - set(self.tags.values())


@dataclass
class Storage:
    """A registry's storage: `blobs` (sizes in bytes), their `kinds`, and the repositories."""

    place: str
    blobs: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    repositories: dict[str, Repository] = field(default_factory=lambda: defaultdict(Repository))
    #: link files that hold no digest.
    broken: list[str] = field(default_factory=list)
    cut_short: bool = False

    def unreferenced(self) -> set[str]:
        """Blobs to which no link of any repository points: what garbage collection takes."""
        linked = set[str]()
        for repository in self.repositories.values():
            linked |= repository.layers | repository.revisions | set(repository.tags.values())
        return set(self.blobs) - linked


def read_storage(place: str | os.PathLike[str]) -> Storage:
    """Read the storage at `place`: its root directory or bucket, or anything above `docker/`.

    Raises MinicontainerError when there is no registry's storage, or it can't be read.
    """
    tree = open_tree(os.fspath(place))
    storage = Storage(os.fspath(place))
    links: list[re.Match[str]] = []
    for number, (path, size) in enumerate(tree.files()):
        if number >= MOST_FILES:
            storage.cut_short = True
            break
        if blob := _BLOB.fullmatch(path):
            storage.blobs[":".join(blob.groups())] = size
        elif link := _LINK.fullmatch(path):
            links.append(link)
        elif upload := _UPLOAD.fullmatch(path):
            storage.repositories[upload[1]].uploads[upload[2]] = size
    if not storage.blobs and not links:
        hint = f"it has {BASE}/blobs and {BASE}/repositories below it"
        raise MinicontainerError("no registry's storage is here", storage.place, hint)
    with ThreadPoolExecutor(8) as pool:
        digests = pool.map(tree.digest, [link.string for link in links])
        for link, digest in zip(links, digests, strict=True):
            _take_link(storage, link, digest)
    _follow_manifests(storage, tree)
    return storage


def _take_link(storage: Storage, link: re.Match[str], digest: str) -> None:
    repository = storage.repositories[link["name"]]
    if not digest:
        storage.broken.append(link.string)
    elif link["tag"]:
        repository.tags[link["tag"]] = digest
    elif link["revision"]:
        repository.revisions.add(digest)
        storage.kinds[digest] = "manifest"
    else:
        repository.layers.add(digest)
        storage.kinds.setdefault(digest, "layer")


def _follow_manifests(storage: Storage, tree: Tree) -> None:
    """Read the manifests, to know what each repository's tags lead to."""
    for repository in storage.repositories.values():
        waiting = list(repository.tags.values())
        while waiting:
            digest = waiting.pop()
            if digest not in repository.used:
                repository.used.add(digest)
                waiting += _read_manifest(storage, tree, digest)


def _read_manifest(storage: Storage, tree: Tree, digest: str) -> list[str]:
    """The digests in a manifest or an index; none when it can't be read, or is a layer."""
    is_manifest = storage.kinds.get(digest) in ("manifest", "index")
    if not is_manifest or storage.blobs.get(digest, LARGEST_DOCUMENT + 1) > LARGEST_DOCUMENT:
        return []
    try:
        content = tree.read(blob_name(digest))
        if media_type_of(content) in INDEX_TYPES:
            storage.kinds[digest] = "index"
            return [entry["digest"] for entry in parse_index(content)["manifests"]]
        manifest = parse_manifest(content)
    except (MinicontainerError, OSError):
        return []
    storage.kinds[manifest["config"]["digest"]] = "config"
    return [manifest["config"]["digest"], *(layer["digest"] for layer in manifest["layers"])]


def blob_name(digest: str) -> str:
    """Where a blob lies, below docker/registry/v2."""
    algorithm, _, encoded = digest.partition(":")
    return f"blobs/{algorithm}/{encoded[:2]}/{encoded}/data"


class Tree:
    """The files below `docker/registry/v2`, wherever they are: names are relative to it."""

    def __init__(
        self, files: Callable[[], Iterator[tuple[str, int]]], read: Callable[[str], bytes]
    ):
        self.files, self.read = files, read

    def digest(self, path: str) -> str:
        """The digest that a link file holds; "" when it holds none, or can't be read."""
        try:
            content = self.read(path)[:200].decode(errors="replace").strip()
            split_digest(content)
        except (OSError, MinicontainerError):
            return ""
        return content


def open_tree(place: str) -> Tree:
    """The tree at `place`, a directory or an address. Raises MinicontainerError."""
    if "://" in place:
        return _remote_tree(place)
    root = next(
        (
            Path(place, below)
            for below in (BASE, "registry/v2", "v2", "")
            if Path(place, below, "blobs").is_dir()
        ),
        Path(place, BASE),
    )
    if not root.is_dir():
        raise MinicontainerError("no registry's storage is here", place, f"there is no {root}")

    def files() -> Iterator[tuple[str, int]]:
        for name, status in files_below(root):
            if stat.S_ISREG(status.st_mode):
                yield name, status.st_size

    return Tree(files, lambda name: (root / name).read_bytes())


def _remote_tree(place: str) -> Tree:
    try:
        import fsspec
    except ImportError:
        hint = how_to_install("fsspec", "s3fs")
        raise MinicontainerError("addresses need the package fsspec", place, hint) from None
    try:
        system, root = fsspec.url_to_fs(place)
        root = root.rstrip("/")
        root = root if root.endswith(BASE) else f"{root}/{BASE}"
        found: dict[str, Any] = system.find(root, detail=True)
    except Exception as error:  # whatever the storage's own library raises
        reason = f"{type(error).__name__}: {error}"[:300]
        raise MinicontainerError(f"could not read: {reason}", place) from error

    def files() -> Iterator[tuple[str, int]]:
        for name, facts in sorted(found.items()):
            yield name.removeprefix(root + "/"), int(facts["size"])

    return Tree(files, lambda name: system.cat_file(f"{root}/{name}"))

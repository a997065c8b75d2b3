"""Garbage collection: which blobs does no name lead to any more? Those are deleted.

In: a layout. Out: the digests of the deleted blobs. What is not understood is
kept, and so is everything it mentions.
Spec: image-spec, image-layout.md, "Blobs"; descriptor.md.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from typing import Any

from minicontainer.errors import ImageError
from minicontainer.lib.files import plain_errors
from minicontainer.lib.locks import try_lock
from minicontainer.step03_image.digest import split_digest
from minicontainer.step03_image.layout import Layout, blob_path, read_index
from minicontainer.step03_image.spec import LARGEST_DOCUMENT


def prune(layout: Layout) -> list[str]:
    """Delete the blobs that no name in index.json leads to; give their digests.

    Nothing is deleted while another process adds blobs (blobs.in_use).
    Raises ImageError if index.json is broken, or files cannot be deleted.
    """
    with plain_errors(layout.path):
        lock = try_lock(layout.own / "in-use.lock")
        if lock is None:
            return []
        try:
            kept = reachable(layout)
            garbage = [digest for digest in stored_blobs(layout) if digest not in kept]
            for digest in garbage:
                blob_path(layout, digest).unlink(missing_ok=True)
            for unfinished in (layout.own / "unfinished").glob("*"):
                unfinished.unlink(missing_ok=True)
            return garbage
        finally:
            os.close(lock)


def reachable(layout: Layout) -> set[str]:
    """The digests that index.json leads to, through indexes, manifests and whatever else."""
    found: set[str] = set()
    todo = list(_mentioned(read_index(layout)))
    while todo:
        digest = todo.pop()
        if digest not in found:
            found.add(digest)
            todo.extend(_mentioned(_document(layout, digest)))
    return found


def stored_blobs(layout: Layout) -> list[str]:
    """The digests of the blobs that are there; files with other names are not ours."""
    digests = []
    for path in sorted((layout.path / "blobs").glob("*/*")):
        with contextlib.suppress(ImageError):
            digest = f"{path.parent.name}:{path.name}"
            split_digest(digest)
            digests.append(digest)
    return digests


def _document(layout: Layout, digest: str) -> Any:
    """The blob as a JSON object; None for a layer, or what is missing or broken."""
    try:
        with blob_path(layout, digest).open("rb") as blob:
            content = blob.read(LARGEST_DOCUMENT + 1)
        return json.loads(content) if len(content) <= LARGEST_DOCUMENT else None
    except (OSError, ValueError, RecursionError):
        return None


def _mentioned(document: Any) -> Iterator[str]:
    """The digest of every descriptor in `document`, wherever it stands."""
    todo = [document]
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            with contextlib.suppress(ImageError):
                if split_digest(value.get("digest", "")):
                    yield value["digest"]
            todo.extend(value.values())
        elif isinstance(value, list):
            todo.extend(value)

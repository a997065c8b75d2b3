"""Where blobs and names live on disk: the OCI image layout.

A directory with `oci-layout` (the version), `index.json` (the names) and
`blobs/ALGORITHM/HEX` (the content, each under its own digest), which other
tools read and write too. A blob has its name only once it is complete and
verified (blobs.py writes them), and index.json is replaced whole, under a lock.
Spec: image-spec, image-layout.md; names: annotations.md, "org.opencontainers.image.ref.name".
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from minicontainer.errors import BlobMissing, ImageError, SizeMismatch
from minicontainer.lib.files import plain_errors, write_whole
from minicontainer.lib.locks import locked

from .digest import check_digest, split_digest
from .spec import LARGEST_DOCUMENT, OCI_INDEX, Descriptor, Index, parse_index

REF_NAME = "org.opencontainers.image.ref.name"


@dataclass(frozen=True)
class Layout:
    """An image layout: the directory at `path`. Use create_layout or open_layout to get one."""

    path: Path

    @property
    def index_file(self) -> Path:
        """index.json, which holds the names."""
        return self.path / "index.json"

    @property
    def own(self) -> Path:
        """What only this program uses: locks and unfinished blobs."""
        return self.path / ".minicontainer"


def create_layout(path: Path | str) -> Layout:
    """The image layout at `path`, made if it is not there yet. Raises ImageError."""
    layout = Layout(Path(path))
    with plain_errors(layout.path):
        (layout.path / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        if not (layout.path / "oci-layout").exists():
            write_whole(layout.path / "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        if not layout.index_file.exists():
            with locked(layout.own / "index.lock"):
                if not layout.index_file.exists():
                    write_index(layout, {"schemaVersion": 2, "manifests": []})
    return open_layout(path)


def open_layout(path: Path | str) -> Layout:
    """The image layout that is at `path`. Raises ImageError if there is none."""
    layout = Layout(Path(path))
    with plain_errors(layout.path):
        try:
            marker = json.loads((layout.path / "oci-layout").read_bytes())
        except FileNotFoundError:
            raise ImageError("not an OCI image layout: no file oci-layout", str(path)) from None
        except (ValueError, RecursionError):
            marker = None
    version = marker.get("imageLayoutVersion") if isinstance(marker, dict) else None
    if version != "1.0.0":
        raise ImageError(f"image layout version {version!r} is not supported", str(path))
    return layout


def blob_path(layout: Layout, digest: str) -> Path:
    """Where the blob with this digest is, or would be. Raises ImageError for a malformed one."""
    return layout.path.joinpath("blobs", *split_digest(digest))


def has_blob(layout: Layout, descriptor: Descriptor) -> bool:
    """Is there a blob of that digest and size? (It was verified when it got its name.)"""
    try:
        return blob_path(layout, descriptor["digest"]).stat().st_size == descriptor["size"]
    except OSError:
        return False


def open_blob(layout: Layout, digest: str) -> BinaryIO:
    """The blob's file, open for reading, not verified. Raises BlobMissing, ImageError."""
    path = blob_path(layout, digest)
    with plain_errors(path):
        try:
            if not path.is_file() and path.exists():
                raise ImageError("not a regular file", str(path))  # a FIFO would never end
            return path.open("rb", buffering=0)
        except FileNotFoundError:
            raise BlobMissing("the blob is not there", digest, "pull the image again") from None


def read_blob(layout: Layout, descriptor: Descriptor) -> bytes:
    """The content of the blob that `descriptor` names: an index, a manifest or a config.

    Its size is compared before it is read (a wrong one may not fit into memory),
    then its digest, whose algorithm may be sha256 or sha512.

    Raises BlobMissing; SizeMismatch; DigestMismatch; and ImageError for more than
    LARGEST_DOCUMENT bytes, since layers are read as streams (layers.py).
    Spec: image-spec, descriptor.md, "Verification".
    """
    with open_blob(layout, descriptor["digest"]) as blob:
        size = os.stat(blob.fileno()).st_size
        if size != descriptor["size"]:
            raise SizeMismatch(f"{size} bytes, not {descriptor['size']}", descriptor["digest"])
        if size > LARGEST_DOCUMENT:
            raise ImageError(f"a document of {size} bytes is too large", descriptor["digest"])
        content = blob.read(size)
    check_digest(descriptor["digest"], content)
    return content


def read_index(layout: Layout) -> Index:
    """What index.json holds. Raises ImageError."""
    with plain_errors(layout.index_file), layout.index_file.open("rb") as file:
        content = file.read(LARGEST_DOCUMENT + 1)  # so much is refused
    try:
        return parse_index(content)
    except ImageError as error:
        raise ImageError(f"{error.where}: {error.what}", str(layout.index_file)) from None


def references(layout: Layout) -> dict[str, Descriptor]:
    """The names of the layout's images, and what each points to."""
    named = [one for one in read_index(layout)["manifests"] if name_of(one)]
    return {name_of(one): one for one in named}


def name_of(descriptor: Descriptor) -> str:
    """The name by which index.json knows this entry; empty if it has none."""
    return descriptor.get("annotations", {}).get(REF_NAME, "")


def tag(layout: Layout, name: str, descriptor: Descriptor) -> None:
    """Let `name` point to `descriptor`, instead of to what it pointed to. Raises ImageError."""
    annotations = {**descriptor.get("annotations", {}), REF_NAME: name}
    entry: Descriptor = {**descriptor, "annotations": annotations}
    with changed_index(layout) as index:
        index["manifests"] = [one for one in index["manifests"] if name_of(one) != name] + [entry]


def untag(layout: Layout, name: str) -> None:
    """Forget `name`; its blobs stay until they are collected. Raises ImageError if unknown."""
    with changed_index(layout) as index:
        kept = [one for one in index["manifests"] if name_of(one) != name]
        if len(kept) == len(index["manifests"]):
            known = ", ".join(sorted(filter(None, map(name_of, kept)))) or "no image at all"
            raise ImageError(f"there is no image {name}", str(layout.path), f"there is {known}")
        index["manifests"] = kept


@contextlib.contextmanager
def changed_index(layout: Layout) -> Iterator[Index]:
    """Read index.json, let the caller change it, write it back; one process at a time."""
    with plain_errors(layout.path), locked(layout.own / "index.lock"):
        index = read_index(layout)
        yield index
        write_index(layout, index)


def write_index(layout: Layout, index: Index) -> None:
    """Replace index.json. Call it with the lock held: see changed_index."""
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, **index}
    write_whole(layout.index_file, json.dumps(document, indent=1).encode())

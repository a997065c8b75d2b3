"""Small images for the checks and the pages of the labs, made of the standard library only.

Nothing here calls an exercise, so a learner's mistake can't spoil what is
checked with it. The same input gives the same bytes, and so the same digests.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP = LAYER + "+gzip"
#: a file of a layer: what stands in its header, and its content
Entry = tuple[tarfile.TarInfo, bytes]


def sha256(content: bytes) -> str:
    """The digest of `content`."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def file(name: str, content: str | bytes = "", **facts: Any) -> Entry:
    """A regular file for `tar`; `facts` are TarInfo's: mode, uid, gid, mtime."""
    data = content.encode() if isinstance(content, str) else content
    return _entry(name, tarfile.REGTYPE, data, **facts)


def directory(name: str, **facts: Any) -> Entry:
    """A directory for `tar`."""
    return _entry(name, tarfile.DIRTYPE, **{"mode": 0o755, **facts})


def symlink(name: str, target: str, **facts: Any) -> Entry:
    """A symbolic link for `tar`."""
    return _entry(name, tarfile.SYMTYPE, linkname=target, **facts)


def hardlink(name: str, target: str, **facts: Any) -> Entry:
    """A hard link, a second name for the file `target`, for `tar`."""
    return _entry(name, tarfile.LNKTYPE, linkname=target, **facts)


def _entry(name: str, kind: bytes, data: bytes = b"", **facts: Any) -> Entry:
    info = tarfile.TarInfo(name)
    usual = {"type": kind, "size": len(data), "mode": 0o644, "mtime": 1_700_000_000}
    for key, value in {**usual, **facts}.items():
        setattr(info, key, value)
    return info, data


def tar(*entries: Entry) -> bytes:
    """An uncompressed layer that holds `entries`, in this order."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, content in entries:
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def gzipped(content: bytes) -> bytes:
    """`content` as a gzip file, not made smaller: so it is the same with every zlib (RFC 1952)."""
    blocks = [content[at : at + 65535] for at in range(0, len(content), 65535)] or [b""]
    stored = b""
    for number, block in enumerate(blocks, 1):
        last, size = number == len(blocks), len(block)
        stored += struct.pack("<BHH", last, size, size ^ 0xFFFF) + block
    header = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    return header + stored + struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)


class Sample:
    """An image layout in the directory `path`, to which blobs are added without any check."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "blobs" / "sha256").mkdir(parents=True)
        (path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        self.tag({})

    def tag(self, names: dict[str, dict]) -> None:
        """Write index.json: these names, and what they point to."""
        key = "org.opencontainers.image.ref.name"
        entries = [{**entry, "annotations": {key: name}} for name, entry in names.items()]
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
        (self.path / "index.json").write_text(json.dumps(index))

    def blob(self, content: bytes, media_type: str, **more: Any) -> dict[str, Any]:
        """Add a blob; its descriptor, with `more` members (platform, annotations)."""
        digest = sha256(content)
        self.file(digest).write_bytes(content)
        return {"mediaType": media_type, "digest": digest, "size": len(content), **more}

    def file(self, digest: str) -> Path:
        """The file of the blob with this digest."""
        return self.path.joinpath("blobs", *digest.split(":"))

    def document(self, content: dict, media_type: str, **more: Any) -> dict[str, Any]:
        """Add a JSON document; its descriptor."""
        text = json.dumps({"schemaVersion": 2, "mediaType": media_type, **content}, indent=2)
        return self.blob(text.encode(), media_type, **more)

    def index(self, entries: Iterable[dict], **more: Any) -> dict[str, Any]:
        """Add an index of these descriptors."""
        return self.document({"manifests": list(entries)}, INDEX, **more)

    def image(
        self,
        layers: Iterable[bytes],
        config: dict[str, Any] | None = None,
        architecture: str = "amd64",
        **more: Any,
    ) -> dict[str, Any]:
        """Add an image with these layers (stored with gzip); its manifest's descriptor."""
        tars = list(layers)
        packed = [gzipped(content) for content in tars]
        document = {
            "architecture": architecture,
            "os": "linux",
            "config": config or {},
            "rootfs": {"type": "layers", "diff_ids": [sha256(content) for content in tars]},
        }
        described = self.blob(json.dumps(document).encode(), CONFIG)
        blobs = [self.blob(content, LAYER_GZIP) for content in packed]
        return self.document({"config": described, "layers": blobs}, MANIFEST, **more)

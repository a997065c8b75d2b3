"""Small images and awkward layers for the tests, made from nothing."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import stat
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 14):
    from compression import zstd as zstd
else:
    from backports import zstd as zstd

from minicontainer.step03_image.blobs import write_blob
from minicontainer.step03_image.layout import Layout, create_layout, tag
from minicontainer.step03_image.spec import (
    OCI_CONFIG,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    Descriptor,
)

MTIME = 1_600_000_000


def info(name: str, kind: bytes = tarfile.REGTYPE, **fields: Any) -> tarfile.TarInfo:
    """A header; `fields` are attributes of TarInfo."""
    one = tarfile.TarInfo(name)
    one.type, one.mtime = kind, MTIME
    one.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    for field, value in fields.items():
        setattr(one, field, value)
    return one


def directory(name: str, **fields: Any) -> tarfile.TarInfo:
    return info(name, tarfile.DIRTYPE, **fields)


def symlink(name: str, target: str, **fields: Any) -> tarfile.TarInfo:
    return info(name, tarfile.SYMTYPE, linkname=target, **fields)


def hard_link(name: str, target: str, **fields: Any) -> tarfile.TarInfo:
    return info(name, tarfile.LNKTYPE, linkname=target, **fields)


def tar(*members: tarfile.TarInfo | tuple[tarfile.TarInfo | str, bytes]) -> bytes:
    """An archive; a member is a header, or a header or a name with the file's content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member in members:
            header, content = member if isinstance(member, tuple) else (member, b"")
            header = info(header) if isinstance(header, str) else header
            if isinstance(member, tuple):
                header.size = len(content)
            archive.addfile(header, io.BytesIO(content))
    return buffer.getvalue()


def raw_header(
    name: bytes,
    kind: bytes = b"0",
    size: int | bytes = 0,
    link: bytes = b"",
    magic: bytes = b"ustar\x0000",
    prefix: bytes = b"",
) -> bytes:
    """A header block, whatever the fields are."""
    length = size if isinstance(size, bytes) else b"%011o\0" % size
    head = name.ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + length + b"00000000000\0"
    tail = kind + link.ljust(100, b"\0") + magic + bytes(80) + prefix.ljust(167, b"\0")
    checksum = sum(head) + sum(tail) + 8 * 32
    return head + b"%06o\0 " % checksum + tail


def pax(records: dict[str, bytes | str]) -> bytes:
    """An extended header with these records."""
    content = b""
    for keyword, value in records.items():
        value = value.encode() if isinstance(value, str) else value
        rest = b" " + keyword.encode() + b"=" + value + b"\n"
        length = len(rest)
        while len(str(length)) + len(rest) != length:
            length = len(str(length)) + len(rest)
        content += str(length).encode() + rest
    return raw_header(b"pax", b"x", len(content)) + padded(content)


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 512)


def image(
    path: Path, *layers: bytes, name: str = "test", compress: bool = True, **changes: Any
) -> tuple[Layout, Descriptor]:
    """A layout at `path` with one image of these layers; `changes` to the config."""
    layout = create_layout(path)
    blobs = [gzip.compress(one, mtime=0) if compress else one for one in layers]
    kind = OCI_LAYER_GZIP if compress else OCI_LAYER
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["/bin/true"]},
        "rootfs": {
            "type": "layers",
            "diff_ids": [f"sha256:{hashlib.sha256(one).hexdigest()}" for one in layers],
        },
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": write_blob(layout, json.dumps({**config, **changes}).encode(), OCI_CONFIG),
        "layers": [write_blob(layout, one, kind) for one in blobs],
    }
    descriptor = write_blob(layout, json.dumps(manifest).encode(), OCI_MANIFEST)
    tag(layout, name, descriptor)
    return layout, descriptor


def tree(root: Path, owners: bool = True) -> dict[str, tuple]:
    """What is below `root`, with everything that can be told of it."""
    found: dict[str, tuple] = {}
    first_name: dict[int, str] = {}
    paths = [root, *sorted(root.rglob("*"))]
    for path in paths:
        status = path.lstat()
        name = str(path.relative_to(root))
        kind = stat.S_IFMT(status.st_mode)
        content: Any = None
        if stat.S_ISREG(kind):
            content = path.read_bytes()
        elif stat.S_ISLNK(kind):
            content = os.readlink(path)
        elif kind in (stat.S_IFBLK, stat.S_IFCHR):
            content = status.st_rdev
        xattrs = {one: os.getxattr(path, one, follow_symlinks=False) for one in _xattrs(path)}
        who = (status.st_uid, status.st_gid) if owners else ()
        same = "" if stat.S_ISDIR(kind) else first_name.setdefault(status.st_ino, name)
        found[name] = (oct(status.st_mode), *who, status.st_mtime_ns, content, xattrs, same)
    return found


def _xattrs(path: Path) -> list[str]:
    return [one for one in os.listxattr(path, follow_symlinks=False) if "selinux" not in one]


#: Everything is imported first: an ordinary user might not read our files, nor our Python.
BECOME_NOBODY = """\
import importlib, os, pkgutil
import minicontainer.step03_image as step
for module in pkgutil.iter_modules(step.__path__, step.__name__ + "."):
    importlib.import_module(module.name)
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
"""


def as_nobody(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python code as an ordinary user (which root alone can do)."""
    return subprocess.run(
        [sys.executable, "-c", BECOME_NOBODY + code, *arguments],
        cwd=Path(__file__).parents[2],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

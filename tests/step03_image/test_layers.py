"""Whiteouts, chain ids and compression."""

from __future__ import annotations

import contextlib
import gzip
import io
import itertools
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicontainer.errors import ImageError
from minicontainer.lib.decompress import CHUNK, decompressed
from minicontainer.step03_image.layers import apply_layer, chain_ids
from minicontainer.step03_image.tree import RootFilesystem
from tests.programs import needs

from . import images
from .images import directory, info, symlink, tar, zstd

LOWER = tar(
    directory("d"),
    ("d/a", b"lower"),
    ("d/b", b"lower"),
    directory("d/sub"),
    ("d/sub/c", b"lower"),
    ("motd", b"lower"),
    symlink("link", "d"),
)


def apply(root: Path, *layers: bytes) -> dict[str, bytes | None]:
    """The files there are after these layers, and their content (None: a directory)."""
    with RootFilesystem(root) as filesystem:
        for layer in layers:
            apply_layer(io.BytesIO(layer), filesystem)
    return {
        str(path.relative_to(root)): None if path.is_dir() else path.read_bytes()
        for path in root.rglob("*")
        if not path.is_symlink()
    }


def test_a_whiteout_removes_and_leaves_nothing_itself(tmp_path) -> None:
    found = apply(tmp_path, LOWER, tar((".wh.motd", b""), ("d/.wh.sub", b""), (".wh.no", b"")))
    assert set(found) == {"d", "d/a", "d/b"}


def test_a_whiteout_of_mode_0_as_buildah_writes_it(tmp_path) -> None:
    assert "motd" not in apply(tmp_path, LOWER, tar((info(".wh.motd", mode=0), b"")))


def test_a_whiteout_removes_a_link_not_what_it_points_to(tmp_path) -> None:
    assert "d/a" in apply(tmp_path, LOWER, tar((".wh.link", b"")))
    assert not (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_whiteout_does_not_hide_its_own_layers_files(tmp_path, order) -> None:
    members = [(".wh.motd", b""), ("motd", b"upper"), ("other", b"")]
    upper = tar(*(members[number] for number in order))
    assert apply(tmp_path, LOWER, upper)["motd"] == b"upper"


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_whiteout_of_a_directory_that_is_made_anew(tmp_path, order) -> None:
    members = [(".wh.d", b""), directory("d"), ("d/b", b"upper")]
    upper = tar(*(members[number] for number in order))
    found = apply(tmp_path, LOWER, upper)
    assert {name: found[name] for name in found if name.startswith("d")} == {
        "d": None,
        "d/b": b"upper",
    }


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_an_opaque_directory_in_any_order(tmp_path, order) -> None:
    members = [
        ("d/.wh..wh..opq", b""),
        ("d/new", b"upper"),
        ("d/sub/new", b"upper"),
        directory("d"),
    ]
    found = apply(tmp_path, LOWER, tar(*(members[number] for number in order)))
    assert found == {
        "d": None,
        "d/new": b"upper",
        "d/sub": None,
        "d/sub/new": b"upper",
        "motd": b"lower",
    }


def test_an_opaque_marker_without_its_directorys_entry(tmp_path) -> None:
    found = apply(tmp_path, LOWER, tar(("d/.wh..wh..opq", b""), ("none/.wh..wh..opq", b"")))
    assert set(found) == {"d", "motd"}
    assert (tmp_path / "d").stat().st_mtime == images.MTIME


def test_thousands_of_whiteouts_take_little_time(tmp_path) -> None:
    added = [(f"new/{number % 10}/{number}", b"") for number in range(1000)]
    hidden = [(f"old/.wh.{number}", b"") for number in range(20_000)]
    began = time.process_time()
    found = apply(tmp_path, tar(("old/5", b""), ("old/6", b"")), tar(*added, *hidden))
    assert "old/5" not in found
    assert time.process_time() - began < 5  # going through `added` each time takes minutes


def test_an_opaque_root(tmp_path) -> None:
    assert apply(tmp_path, LOWER, tar((".wh..wh..opq", b""), ("new", b"1"))) == {"new": b"1"}


def test_an_opaque_marker_keeps_what_was_added_through_a_link(tmp_path) -> None:
    found = apply(tmp_path, LOWER, tar(("link/new", b"1"), ("d/.wh..wh..opq", b"")))
    assert found == {"d": None, "d/new": b"1", "motd": b"lower"}


def test_other_names_of_aufs_mean_nothing(tmp_path) -> None:
    upper = tar(directory(".wh..wh.plnk"), (".wh..wh.aufs", b""), (".wh..wh..opq.x", b""))
    assert apply(tmp_path, LOWER, upper) == apply(tmp_path, LOWER)


@pytest.mark.parametrize("name", [".wh.", ".wh..", ".wh...", "d/.wh.", "d/.wh..", "d/.wh..."])
def test_whiteouts_of_nothing_are_refused(tmp_path, name) -> None:
    inside = tmp_path / "root"
    inside.mkdir()
    with pytest.raises(ImageError, match="whiteout that names no file"):
        apply(inside, LOWER, tar((name, b"")))
    assert (inside / "d/a").exists()


def test_chain_ids() -> None:
    a, b, c = (f"sha256:{letter * 64}" for letter in "abc")
    assert chain_ids([]) == []
    assert chain_ids([a]) == [a]
    chain = chain_ids([a, b, c])
    assert chain[0] == a
    assert chain == [*chain_ids([a, b]), chain_ids([chain[1], c])[1]]


@needs("sha256sum")
def test_chain_ids_as_sha256sum_computes_them() -> None:
    a, b = (f"sha256:{letter * 64}" for letter in "ab")
    done = subprocess.run(["sha256sum"], input=f"{a} {b}".encode(), capture_output=True, check=True)
    assert chain_ids([a, b])[1] == f"sha256:{done.stdout[:64].decode()}"


def unpacked(content: bytes, size: int = 1000) -> bytes:
    chunks = (content[at : at + size] for at in range(0, len(content), size))
    pieces = list(decompressed(chunks))
    assert all(0 < len(piece) <= max(CHUNK, size) for piece in pieces)
    return b"".join(pieces)


#: as one compresses what comes in pieces: no length in front, a checksum behind
STREAMED = {
    zstd.CompressionParameter.content_size_flag: 0,
    zstd.CompressionParameter.checksum_flag: 1,
}
TEXT = b"".join(b"%d\n" % number for number in range(200_000))


@pytest.mark.parametrize("size", [1, 1000, 1 << 18])
@pytest.mark.parametrize(
    "pack",
    [
        bytes,
        gzip.compress,
        lambda text: gzip.compress(text[:5]) + gzip.compress(b"") + gzip.compress(text[5:]),
        lambda text: gzip.compress(text) + bytes(2000),
        zstd.compress,
        lambda text: zstd.compress(text, options=STREAMED),
        lambda text: zstd.compress(text[:5]) + zstd.compress(b"") + zstd.compress(text[5:]),
        lambda text: b"\x50\x2a\x4d\x18\x03\0\0\0abc" + zstd.compress(text),
    ],
    ids=["plain", "gzip", "members", "zeros", "zstd", "streamed", "frames", "skippable"],
)
def test_compressions(pack, size) -> None:
    text = TEXT if size > 1 else TEXT[:3000]
    assert unpacked(pack(text), size) == text


def test_damaged_compression() -> None:
    for whole in (gzip.compress(TEXT), zstd.compress(TEXT, options=STREAMED)):
        with pytest.raises(ImageError, match="damaged"):
            unpacked(whole[:100] + b"xxxx" + whole[104:])
    for cut in (1, 8, 1000):
        with pytest.raises(ImageError, match="cut off"):
            unpacked(gzip.compress(TEXT)[:-cut])


def test_a_wrong_gzip_checksum() -> None:
    whole = gzip.compress(TEXT)
    with pytest.raises(ImageError):
        unpacked(whole[:-8] + bytes(4) + whole[-4:])
    with pytest.raises(ImageError):
        unpacked(whole + b"garbage")


@given(st.sampled_from([b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b""]), st.binary())
def test_any_bytes(magic, content) -> None:
    with contextlib.suppress(ImageError):
        unpacked(magic + content)

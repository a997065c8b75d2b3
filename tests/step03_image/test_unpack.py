"""A whole image into a root filesystem: as umoci does, verified, bounded, all or nothing."""

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
import tempfile
import zlib
from pathlib import Path

import pytest

from minicontainer import explain
from minicontainer.errors import BlobMissing, DigestMismatch, ImageError, SizeMismatch
from minicontainer.lib.removal import remove_tree
from minicontainer.lib.tar import read_tar
from minicontainer.step03_image.blobs import write_blob
from minicontainer.step03_image.layout import blob_path, read_blob, tag
from minicontainer.step03_image.spec import DOCKER_LAYER, OCI_LAYER, OCI_MANIFEST
from minicontainer.step03_image.unpack import new_root, unpack
from tests.programs import needs, needs_namespaces, needs_root

from . import images
from .images import directory, hard_link, info, symlink, tar, zstd


def awkward() -> list[bytes]:
    """Two layers with about everything that is legal."""
    capability = "\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    lower = tar(
        directory("./", mode=0o711),
        directory("./etc/", mode=0o755),
        ("etc/motd", b"hello"),
        (info("etc/shadow", mode=0o640, gid=42, uid=7), b"x"),
        directory("usr"),
        directory("usr/lib", mode=0o2775, gid=50),
        symlink("lib", "usr/lib", uid=3, mtime=5),
        symlink("absolute", "/usr/lib"),
        symlink("dangling", "../../../../nowhere"),
        ("lib/a.so", b"x" * 300_000),
        directory("bin"),
        (info("bin/su", mode=0o4755, gid=5), b"su"),
        (info("bin/wall", mode=0o2755, gid=5), b"wall"),
        directory("tmp", mode=0o1777),
        directory("ro", mode=0o555),
        ("ro/x", b"1"),
        directory("closed", mode=0),
        ("closed/x", b"1"),
        directory("gone"),
        ("gone/a", b"1"),
        directory("gone/deep"),
        ("gone/deep/b", b"2"),
        directory("swapped"),
        ("swapped/a", b"1"),
        ("file", b"becomes a directory"),
        info("pipe", tarfile.FIFOTYPE, mode=0o622),
        (info("empty", mtime=0), b""),
        (info("fine", pax_headers={"mtime": "1600000000.123456789"}), b"c"),
        (info("old", pax_headers={"mtime": "-86400.5"}), b"c"),
        (
            info(
                "noted", pax_headers={"SCHILY.xattr.user.note": "v\nw", "SCHILY.xattr.user.e": "x"}
            ),
            b"",
        ),
        (info("capable", pax_headers={"SCHILY.xattr.security.capability": capability}), b"c"),
        directory("umläut-\udcff"),
        ("umläut-\udcff/" + "n" * 200, b"long"),
        ("first", b"linked"),
        hard_link("second", "first"),
        hard_link("/usr/third", "./second"),
        hard_link("linked-link", "lib"),
    )
    upper = tar(
        ("lib/b.so", b"through the link"),
        hard_link("etc/motd2", "etc/motd"),
        (".wh.pipe", b""),
        ("etc/.wh.nothing", b""),
        ("gone/.wh..wh..opq", b""),
        ("gone/c", b"3"),
        ("ro/y", b"2"),
        (info("swapped"), b"now a file"),
        directory("file", mode=0o700),
        ("file/in", b"1"),
        ("twice", b"1"),
        (info("twice", mode=0o600), b"22"),
        directory("closed", mode=0o100, mtime=77),
        (info("bin/su", mode=0o755), b"no longer set-uid"),
        symlink("absolute", "elsewhere"),
    )
    return [lower, upper]


def devices() -> bytes:
    return tar(
        directory("dev"),
        info("dev/null", tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666),
        info("dev/sda", tarfile.BLKTYPE, devmajor=8, devminor=0, mode=0o660, gid=6),
    )


@needs("umoci")
@needs_root
def test_the_tree_is_umocis(tmp_path) -> None:
    layout, manifest = images.image(tmp_path / "layout", *awkward(), devices())
    unpack(layout, manifest, tmp_path / "ours")
    command = ["umoci", "unpack", "--image", f"{layout.path}:test", tmp_path / "theirs"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    ours, theirs = images.tree(tmp_path / "ours"), images.tree(tmp_path / "theirs" / "rootfs")
    assert ours["."][3] == images.MTIME * 10**9  # umoci lets whiteouts change the root's time
    ours.pop("."), theirs.pop(".")
    assert ours == theirs


@needs("umoci")
@needs_root
@pytest.mark.parametrize(
    "layers",
    [
        [
            tar(directory("d"), ("d/a", b"")),
            tar(directory("d"), ("d/.wh..wh..opq", b""), ("d/b", b"")),
        ],
        [
            tar(directory("d"), ("d/a", b"")),
            tar(directory("d"), ("d/b", b""), ("d/.wh..wh..opq", b"")),
        ],
        [tar(directory("d"), ("d/a", b"")), tar((".wh.d", b""), directory("d"), ("d/b", b""))],
        [tar(directory("d"), ("d/a", b"")), tar(directory("d"), ("d/b", b""), (".wh.d", b""))],
        [tar(("a", b"")), tar((info(".wh.a", mode=0), b""))],
        [tar(symlink("l", "d"), directory("d"), ("d/a", b"")), tar(directory("l"), ("l/b", b""))],
        [tar(directory("d"), symlink("l", "/d"), hard_link("h", "l")), tar(("h", b"file"))],
    ],
)
def test_whiteouts_and_replacements_are_umocis(tmp_path, layers) -> None:
    layout, manifest = images.image(tmp_path / "layout", *layers)
    unpack(layout, manifest, tmp_path / "ours")
    command = ["umoci", "unpack", "--image", f"{layout.path}:test", tmp_path / "theirs"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    ours, theirs = images.tree(tmp_path / "ours"), images.tree(tmp_path / "theirs" / "rootfs")
    for one in (ours, theirs):  # umoci lets whiteouts change directories' times
        one.update({name: (*v[:3], 0, *v[4:]) for name, v in one.items() if v[0] == "0o40755"})
    assert ours == theirs


AS_USER = """
import sys
from pathlib import Path
from minicontainer.step03_image.layout import open_layout, references
from minicontainer.step03_image.unpack import unpack
from minicontainer.lib.removal import remove_tree
from tests.step03_image import images
layout = open_layout(sys.argv[1])
root = Path(sys.argv[2]) / "root"
unpack(layout, references(layout)["test"], root)
assert oct(root.joinpath("ro").stat().st_mode) == "0o40555"
assert oct(root.joinpath("closed").stat().st_mode) == "0o40100"
assert oct(root.joinpath("bin/su").stat().st_mode) == "0o100755"
assert root.joinpath("ro/y").read_bytes() == b"2"
assert root.joinpath("lib").lstat().st_mtime == 5
assert not root.joinpath("dev/null").exists()
remove_tree(root)
assert not list(Path(sys.argv[2]).iterdir())
"""


def test_an_ordinary_user_gets_the_tree_without_owners_and_devices() -> None:
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        base.chmod(0o755)
        layout, _ = images.image(base / "layout", *awkward(), devices())
        (base / "work").mkdir()
        if os.geteuid() == 0:
            os.chown(base / "work", 65534, 65534)
            done = images.as_nobody(AS_USER, str(layout.path), str(base / "work"))
        else:
            command = [sys.executable, "-c", AS_USER, layout.path, base / "work"]
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2]
            )
        assert done.returncode == 0, done.stderr


def test_what_is_left_out_is_said(tmp_path) -> None:
    events: list[dict] = []
    layout, manifest = images.image(
        tmp_path / "l", tar(info("null", tarfile.CHRTYPE, devmajor=1, devminor=3), ("a", b""))
    )
    explain.listener = events.append  # type: ignore[assignment]
    try:
        unpack(layout, manifest, tmp_path / "root")
    finally:
        explain.listener = None
    kinds = [event["kind"] for event in events]
    assert kinds.count("digest") == 3  # manifest, config and layer
    if os.geteuid() != 0:
        assert any("left out" in event["text"] for event in events)


def left_over(path: Path) -> list[str]:
    return sorted(os.listdir(path))


def test_the_config_comes_back(tmp_path) -> None:
    layout, manifest = images.image(tmp_path / "l", tar("a"), config={"Cmd": ["x"]})
    config = unpack(layout, manifest, tmp_path / "root")
    assert config["config"]["Cmd"] == ["x"]
    assert left_over(tmp_path) == ["l", "root"]
    assert stat.S_IMODE((tmp_path / "root").stat().st_mode) == 0o755


def test_parents_are_made_and_an_empty_directory_taken(tmp_path) -> None:
    layout, manifest = images.image(tmp_path / "l", tar("a"))
    unpack(layout, manifest, tmp_path / "x" / "y")
    (tmp_path / "empty").mkdir()
    unpack(layout, manifest, tmp_path / "empty")
    assert left_over(tmp_path / "empty") == ["a"]
    for taken in (tmp_path / "empty", tmp_path / "l" / "index.json"):
        with pytest.raises(ImageError, match="already there"):
            unpack(layout, manifest, taken)
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    with pytest.raises(ImageError, match="already there"):
        unpack(layout, manifest, tmp_path / "link")


def changed(layout, manifest, change) -> dict:
    """A manifest like `manifest`, with a change."""
    document = json.loads(read_blob(layout, manifest))
    change(document)
    return write_blob(layout, json.dumps(document).encode(), OCI_MANIFEST)


def damage(path: Path, at: int, size: int = 1) -> None:
    content = bytearray(path.read_bytes())
    content[at : at + size] = bytes(byte ^ 1 for byte in content[at : at + size])
    path.write_bytes(content)


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize(
    ("mishap", "error"),
    [
        ("bit", ImageError),
        ("last bit", ImageError),
        ("short", ImageError),
        ("long", SizeMismatch),
        ("missing", BlobMissing),
        ("empty", ImageError),
    ],
)
def test_a_damaged_layer_leaves_nothing(tmp_path, mishap, error, compress) -> None:
    layers = tar(("a", b"1")), tar(("b", os.urandom(100_000)))
    layout, manifest = images.image(tmp_path / "l", *layers, compress=compress)
    path = blob_path(layout, json.loads(read_blob(layout, manifest))["layers"][1]["digest"])
    size = path.stat().st_size
    if mishap == "missing":
        path.unlink()
    elif mishap == "bit":
        damage(path, size // 2)
    elif mishap == "last bit":
        damage(path, size - 1)
    elif mishap == "long":
        path.write_bytes(path.read_bytes() + b"\0")
    else:
        os.truncate(path, size - 100 if mishap == "short" else 0)
    with pytest.raises(error):
        unpack(layout, manifest, tmp_path / "root")
    assert left_over(tmp_path) == ["l"]


@pytest.mark.parametrize("compress", [True, False])
def test_a_damaged_layer_is_named_and_how_to_mend_it(tmp_path, compress) -> None:
    layout, manifest = images.image(tmp_path / "l", tar(("a", os.urandom(9000))), compress=compress)
    digest = json.loads(read_blob(layout, manifest))["layers"][0]["digest"]
    damage(blob_path(layout, digest), 200)
    with pytest.raises(DigestMismatch) as met:
        unpack(layout, manifest, tmp_path / "root")
    assert met.value.where == digest
    assert "damaged" in met.value.what
    assert "pull" in met.value.hint


def test_a_layer_that_was_bad_from_the_beginning_is_not_called_damaged(tmp_path) -> None:
    layout, manifest = images.image(tmp_path / "l", b"no archive" * 100)
    with pytest.raises(ImageError) as met:
        unpack(layout, manifest, tmp_path / "root")
    assert "stored layer is damaged" not in str(met.value)


def test_a_flipped_bit_in_an_uncompressed_file_is_a_wrong_digest(tmp_path) -> None:
    layout, manifest = images.image(tmp_path / "l", tar(("a", b"1" * 10_000)), compress=False)
    digest = json.loads(read_blob(layout, manifest))["layers"][0]["digest"]
    damage(blob_path(layout, digest), 3000)
    with pytest.raises(DigestMismatch, match=digest):
        unpack(layout, manifest, tmp_path / "root")


def test_other_bytes_that_unpack_to_the_same_are_a_wrong_digest(tmp_path) -> None:
    layout, manifest = images.image(tmp_path / "l", tar(("a", b"1")))
    digest = json.loads(read_blob(layout, manifest))["layers"][0]["digest"]
    damage(blob_path(layout, digest), 4)  # the time in the gzip header
    with pytest.raises(DigestMismatch, match=digest):
        unpack(layout, manifest, tmp_path / "root")
    assert left_over(tmp_path) == ["l"]


def test_a_wrong_diff_id(tmp_path) -> None:
    wrong = {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]}
    layout, manifest = images.image(tmp_path / "l", tar("a"), rootfs=wrong)
    with pytest.raises(DigestMismatch, match="uncompressed"):
        unpack(layout, manifest, tmp_path / "root")
    assert left_over(tmp_path) == ["l"]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_as_many_diff_ids_as_layers(tmp_path, count) -> None:
    wrong = {"type": "layers", "diff_ids": ["sha256:" + "0" * 64] * count}
    layout, manifest = images.image(tmp_path / "l", tar("a"), tar("b"), rootfs=wrong)
    with pytest.raises(ImageError, match=f"2 layers, but {count} diff_ids"):
        unpack(layout, manifest, tmp_path / "root")


def test_sha512_everywhere(tmp_path) -> None:
    layer = tar(("a", b"1"))
    diff_id = f"sha512:{hashlib.sha512(layer).hexdigest()}"
    layout, manifest = images.image(
        tmp_path / "l", layer, rootfs={"type": "layers", "diff_ids": [diff_id]}
    )
    unpack(layout, manifest, tmp_path / "root")


@pytest.mark.parametrize(
    ("media_type", "pack"),
    [
        (f"{OCI_LAYER}+zstd", zstd.compress),
        (f"{DOCKER_LAYER}.gzip", gzip.compress),
        (f"{DOCKER_LAYER}.gzip", bytes),  # some old tools said gzip and did not
        ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", gzip.compress),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", gzip.compress),
    ],
)
def test_media_types_of_layers(tmp_path, media_type, pack) -> None:
    layer = tar(("a", b"1"))
    layout, manifest = images.image(tmp_path / "l", layer)
    blob = write_blob(layout, pack(layer), media_type)
    manifest = changed(layout, manifest, lambda one: one.update(layers=[blob]))
    unpack(layout, manifest, tmp_path / "root")
    assert (tmp_path / "root" / "a").read_bytes() == b"1"


def test_what_is_no_layer(tmp_path) -> None:
    layout, manifest = images.image(tmp_path / "l", tar("a"))
    manifest = changed(
        layout, manifest, lambda one: one["layers"][0].update(mediaType="application/x+encrypted")
    )
    with pytest.raises(ImageError, match="not supported"):
        unpack(layout, manifest, tmp_path / "root")


def test_an_empty_layer_and_no_layer(tmp_path) -> None:
    for number, layers in enumerate([[], [b""], [bytes(1024)]]):
        layout, manifest = images.image(tmp_path / f"l{number}", *layers)
        unpack(layout, manifest, tmp_path / f"root{number}")
        assert left_over(tmp_path / f"root{number}") == []


def test_a_fifo_and_then_a_file_of_its_name_does_not_hang(tmp_path) -> None:
    fifo = info("f", tarfile.FIFOTYPE)
    layout, manifest = images.image(tmp_path / "l", tar(fifo, ("f", b"1"), fifo, ("f", b"2")))
    unpack(layout, manifest, tmp_path / "root")
    assert (tmp_path / "root" / "f").read_bytes() == b"2"


def test_an_interruption_leaves_nothing(tmp_path) -> None:
    with pytest.raises(KeyboardInterrupt), new_root(tmp_path / "root") as filesystem:
        filesystem.add(next(iter_entries(tar(directory("d", mode=0), ("d/x", b"1")))))
        raise KeyboardInterrupt
    assert left_over(tmp_path) == []


def iter_entries(archive: bytes):
    return read_tar(io.BytesIO(archive))


PEAK = """
import resource, sys
from pathlib import Path
from minicontainer.step03_image.layout import open_layout, references
from minicontainer.step03_image.unpack import unpack
layout = open_layout(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    unpack(layout, references(layout)["test"], Path(sys.argv[2]))
except Exception as error:
    print(type(error).__name__)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize("pack", ["gzip", "zstd"])
def test_a_decompression_bomb_takes_no_memory(tmp_path, pack) -> None:
    compressor = zstd.ZstdCompressor() if pack == "zstd" else zlib.compressobj(9, wbits=31)
    bomb = compressor.compress(images.raw_header(b"big", size=100))
    bomb += b"".join(compressor.compress(bytes(1 << 20)) for _ in range(512)) + compressor.flush()
    assert len(bomb) < 1_000_000
    layout, manifest = images.image(tmp_path / "l", tar("a"))
    blob = write_blob(layout, bomb, f"{OCI_LAYER}+zstd")
    tag(layout, "test", changed(layout, manifest, lambda one: one.update(layers=[blob])))
    command = [sys.executable, "-c", PEAK, layout.path, tmp_path / "root"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    error, megabytes = done.stdout.split()
    assert error == "DigestMismatch"
    assert int(megabytes) < 40
    assert left_over(tmp_path) == ["l"]


FULL_DISK = """
import os, sys
from pathlib import Path
from minicontainer import linux
from minicontainer.step03_image.blobs import BlobWriter
from minicontainer.errors import ImageError
from minicontainer.step03_image.layout import create_layout, open_layout, references, tag
from minicontainer.step03_image.unpack import unpack
uid, gid = os.geteuid(), os.getegid()
flags = linux.CLONE_NEWNS | (linux.CLONE_NEWUSER if uid else 0)
linux.unshare(flags)
if uid:
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
small = Path(sys.argv[2])
linux.mount("tmpfs", small, "tmpfs", 0, "size=256k")
layout = open_layout(sys.argv[1])
for work in (
    lambda: unpack(layout, references(layout)["test"], small / "root"),
    lambda: fill(),
):
    try:
        work()
    except ImageError as error:
        print(error.one_line)
    else:
        print("no error")
    print(sorted(os.listdir(small)))
"""

FILL = """
def fill():
    store = create_layout(small / "store")
    descriptor = {"mediaType": "x", "digest": "sha256:" + "0" * 64, "size": 1 << 20}
    with BlobWriter(store, descriptor) as blob:
        blob.write(bytes(1 << 20))
"""


@needs_namespaces
def test_a_full_disk_is_one_clear_error(tmp_path) -> None:
    layout, _ = images.image(tmp_path / "l", tar(("a", b"1"), ("big", bytes(1 << 20))))
    (tmp_path / "small").mkdir()
    code = FULL_DISK.replace("layout = open", FILL + "layout = open", 1)
    command = [sys.executable, "-c", code, layout.path, tmp_path / "small"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    first, nothing, second, _ = done.stdout.splitlines()
    assert "no space left on device" in first and "free some space" in first
    assert nothing == "[]"
    assert "no space left on device" in second


@needs_root
def test_an_unwritable_place(tmp_path) -> None:
    done = images.as_nobody(
        "from pathlib import Path\n"
        "from minicontainer.step03_image.unpack import new_root\n"
        "from minicontainer.errors import ImageError\n"
        "try:\n"
        "    with new_root(Path('/usr/nothing')): pass\n"
        "except ImageError as error: print(error.one_line)\n"
    )
    assert done.stdout.startswith("/usr/.nothing.")
    assert "permission denied; use a directory that you may write" in done.stdout


def test_trees_with_any_mode_are_removed(tmp_path) -> None:
    layout, manifest = images.image(tmp_path / "l", *awkward())
    unpack(layout, manifest, tmp_path / "root")
    remove_tree(tmp_path / "root")
    assert left_over(tmp_path) == ["l"]

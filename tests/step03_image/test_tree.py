"""The root filesystem: links are followed inside, and nothing ever touches the outside."""

from __future__ import annotations

import contextlib
import io
import os
import resource
import stat
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicontainer.errors import ImageError
from minicontainer.lib.directories import DEEPEST_TREE
from minicontainer.lib.removal import remove_tree
from minicontainer.step03_image.layers import apply_layer
from minicontainer.step03_image.tree import MOST_LINKS, RootFilesystem, safe_path
from minicontainer.step03_image.unpack import new_root
from tests.programs import needs_root

from . import images
from .images import directory, hard_link, info, symlink, tar


def places(links: dict[str, str], name: str) -> str:
    return "/".join(safe_path(lambda place: links.get("/".join(place)), name))


@pytest.mark.parametrize(
    ("links", "name", "place"),
    [
        ({}, "a/b", "a/b"),
        ({}, "/a//./b/", "a/b"),
        ({}, "", ""),
        ({}, "../../a", "a"),
        ({}, "a/../../b", "b"),
        ({"a": "b"}, "a/c", "b/c"),
        ({"a": "/"}, "a/etc/passwd", "etc/passwd"),
        ({"a": "/x/y"}, "a/c", "x/y/c"),
        ({"a": "../../../x"}, "a/c", "x/c"),
        ({"d/a": "../x"}, "d/a/c", "x/c"),
        ({"d/a": "x"}, "d/a/c", "d/x/c"),
        ({"d/a": "x", "d/x": "/y/../z"}, "d/a", "z"),
        ({"a": "b", "b": "c"}, "a", "c"),
        ({"a": "x/y"}, "a/../c", "x/c"),  # not `c`: `..` is of where the link leads
        ({"a": ""}, "a/c", "c"),
    ],
)
def test_safe_path(links, name, place) -> None:
    assert places(links, name) == place


def test_loops_are_refused() -> None:
    for links in ({"a": "a"}, {"a": "b", "b": "/a"}, {"a": "a/a"}):
        with pytest.raises(ImageError, match="too many levels"):
            places(links, "a/x")
    chain = {str(number): str(number + 1) for number in range(MOST_LINKS)}
    assert places(chain, "0") == str(MOST_LINKS)
    with pytest.raises(ImageError):
        places({**chain, str(MOST_LINKS): "x"}, "0")


NAMES = st.lists(st.sampled_from(["a", "b", "..", ".", "", "/"]), max_size=8).map("/".join)


@given(st.dictionaries(NAMES.map(lambda name: name.strip("./")), NAMES), NAMES)
def test_a_safe_path_has_no_link_and_no_dots(links, name) -> None:
    found: list[tuple[str, ...]] = []

    def readlink(place):
        found.append(place)
        return links.get("/".join(place))

    try:
        place = safe_path(readlink, name)
    except ImageError:
        return
    for asked in found:
        assert not {"", ".", ".."} & set(asked)
    for length in range(1, len(place) + 1):
        assert "/".join(place[:length]) not in links


@pytest.fixture
def outside(tmp_path):
    """A directory beside the root filesystem that must stay as it is."""
    sentinel = tmp_path / "outside"
    (sentinel / "sub").mkdir(parents=True)
    (sentinel / "secret").write_bytes(b"secret")
    (sentinel / "secret").chmod(0o600)
    (sentinel / "sub" / "file").write_bytes(b"file")
    for path in [*sentinel.rglob("*"), sentinel, tmp_path]:
        os.utime(path, (1, 1))
    return sentinel


def escapes(outside: str) -> dict[str, list[bytes]]:
    """Layers that try to get out, by what they try."""
    up = "../" * 20
    rel = up + outside.lstrip("/")
    evil = ("evil", b"evil")

    def named(name: str):
        return (info(name), b"evil")

    return {
        "absolute name": [tar(named(f"{outside}/secret"))],
        "dots": [tar(named(f"{rel}/secret"))],
        "dots inside": [tar(named(f"a/b/../../../{rel}/secret"))],
        "absolute symlink": [tar(symlink("l", outside), named("l/secret"), named("l/new"))],
        "relative symlink": [tar(symlink("l", rel), named("l/secret"), named("l/new"))],
        "symlink of a lower layer": [tar(symlink("l", outside)), tar(named("l/secret"))],
        "symlink to root": [tar(symlink("l", "/"), named(f"l{outside}/secret"))],
        "chain of symlinks": [
            tar(symlink("a", ".."), symlink("b", "a/.."), named(f"b{outside}/x"))
        ],
        "symlink as the file": [tar(symlink("l", f"{outside}/secret"), named("l"))],
        "dangling symlink as the file": [tar(symlink("l", f"{outside}/new"), named("l"))],
        "symlink, then directory": [tar(symlink("l", outside), directory("l", mode=0o777))],
        "symlink, then its mode": [tar(symlink("l", f"{outside}/secret", mode=0o777))],
        "directory swapped": [
            tar(directory("d"), ("d/f", b""), symlink("d", outside), named("d/secret"))
        ],
        "directory swapped above": [
            tar(directory("d/e"), ("d/e/f", b""), symlink("d", outside), directory("d/sub", mode=0))
        ],
        "directory swapped at the end": [
            tar(directory("d", mode=0o700), directory("d/sub", mode=0), symlink("d", outside))
        ],
        "hard link out": [tar(hard_link("h", f"{outside}/secret"), named("h"))],
        "hard link by dots": [tar(hard_link("h", f"{rel}/secret"), named("h"))],
        "hard link through a symlink": [
            tar(symlink("l", outside), hard_link("h", "l/secret"), named("h"))
        ],
        "hard link to a symlink": [
            tar(symlink("l", f"{outside}/secret"), hard_link("h", "l", mode=0o777), named("h"))
        ],
        "hard link to a symlink, and no more": [
            tar(symlink("l", f"{outside}/secret"), hard_link("h", "l"))
        ],
        "pax path": [images.pax({"path": f"{rel}/secret"}) + images.raw_header(b"a")],
        "pax linkpath": [
            images.pax({"linkpath": f"{rel}/secret"}) + images.raw_header(b"h", b"1") + tar(evil)
        ],
        "long name": [
            images.raw_header(b"L", b"L", len(rel) + 7)
            + images.padded(f"{rel}/secret".encode())
            + images.raw_header(b"a")
        ],
        "whiteout by dots": [tar((info(f"{rel}/.wh.secret"), b""))],
        "whiteout through a symlink": [tar(symlink("l", outside)), tar(("l/.wh.secret", b""))],
        "whiteout of a symlink": [tar(symlink("l", outside)), tar((".wh.l", b""))],
        "whiteout of the parent": [tar((".wh...", b""))],
        "whiteout of itself": [tar((".wh..", b""))],
        "whiteout of nothing": [tar((".wh.", b""))],
        "opaque through a symlink": [tar(symlink("l", outside)), tar(("l/.wh..wh..opq", b""))],
        "opaque by dots": [tar((info(f"{rel}/.wh..wh..opq"), b""))],
        "tree with a symlink removed": [
            tar(directory("d"), symlink("d/l", outside)),
            tar((".wh.d", b"")),
        ],
        "tree with a symlink replaced": [tar(directory("d"), symlink("d/l", outside), named("d"))],
        "root as a symlink": [tar(symlink(".", outside), named("secret"))],
        "root as a symlink by dots": [tar(symlink("..", outside), named("secret"))],
        "symlink into proc": [tar(symlink("l", "/proc/self/cwd"), named("l/x"))],
        "fifo as the file": [tar(info("f", tarfile.FIFOTYPE), named("f"))],
        "device as the file": [tar(info("f", tarfile.CHRTYPE, devmajor=1, devminor=1), named("f"))],
    }


@pytest.mark.parametrize("trick", sorted(escapes("/x")))
def test_nothing_gets_out(trick, tmp_path, outside) -> None:
    before = images.tree(outside), outside.stat().st_mtime_ns
    root = tmp_path / "root"
    root.mkdir()
    try:
        with RootFilesystem(root) as filesystem:
            for layer in escapes(str(outside))[trick]:
                apply_layer(io.BytesIO(layer), filesystem)
    except ImageError:
        pass
    assert (images.tree(outside), outside.stat().st_mtime_ns) == before
    assert sorted(os.listdir(tmp_path)) == ["outside", "root"]
    linked = [
        path
        for path in root.rglob("*")
        if path.lstat().st_ino == (outside / "secret").stat().st_ino
    ]
    assert not linked


def layers(root: Path, *archives: bytes) -> Path:
    with RootFilesystem(root) as filesystem:
        for archive in archives:
            apply_layer(io.BytesIO(archive), filesystem)
    return root


PARTS = st.sampled_from(["a", "b", "c", "..", "", ".wh.a", ".wh..wh..opq", ".wh.b"])
PATHS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)
MEMBERS = st.one_of(
    st.builds(directory, PATHS, mode=st.sampled_from([0, 0o755])),
    st.builds(lambda name: (info(name), b"new"), PATHS),
    st.builds(symlink, PATHS, PATHS | st.sampled_from(["/", "/..", "../../outside", "../outside"])),
    st.builds(hard_link, PATHS, PATHS | st.just("../outside/secret")),
    st.builds(lambda name: info(name, tarfile.FIFOTYPE), PATHS),
)


@given(st.lists(st.lists(MEMBERS, max_size=6), max_size=3))
def test_any_layers_stay_inside(all_members) -> None:
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        (base / "outside").mkdir()
        (base / "outside" / "secret").write_bytes(b"secret")
        os.utime(base / "outside", (1, 1))
        (base / "root").mkdir()
        before = images.tree(base / "outside")
        with contextlib.suppress(ImageError, OSError):
            layers(base / "root", *(tar(*members) for members in all_members))
        assert images.tree(base / "outside") == before
        assert sorted(os.listdir(base)) == ["outside", "root"]
        remove_tree(base / "root")


def test_a_file_is_written_through_a_lower_layers_symlinked_directory(tmp_path) -> None:
    lower = tar(directory("usr/lib"), symlink("lib", "/usr/lib"))
    root = layers(tmp_path, lower, tar(("lib/x", b"new")))
    assert (root / "usr/lib/x").read_bytes() == b"new"
    assert (root / "lib").is_symlink()


def test_links_are_followed_anew_when_they_change(tmp_path) -> None:
    root = layers(
        tmp_path,
        tar(
            directory("one"),
            directory("two"),
            symlink("l", "one"),
            ("l/first", b"1"),
            symlink("l", "two"),
            ("l/second", b"2"),
            ("gone/.wh.x", b""),
            symlink("gone", "one"),
            ("gone/third", b"3"),
        ),
    )
    assert sorted(os.listdir(root / "one")) == ["first", "third"]
    assert os.listdir(root / "two") == ["second"]


def test_a_hard_link_to_a_file_of_a_lower_layer(tmp_path) -> None:
    root = layers(tmp_path, tar(("a", b"1")), tar(hard_link("d/b", "a"), hard_link("a", "a")))
    assert (root / "a").stat().st_ino == (root / "d/b").stat().st_ino


def test_a_hard_link_to_nothing_and_to_a_directory(tmp_path) -> None:
    with pytest.raises(ImageError, match="which is not there"):
        layers(tmp_path, tar(hard_link("a", "b")))
    with pytest.raises(OSError):
        layers(tmp_path, tar(directory("d"), hard_link("a", "d")))


def test_the_last_of_equal_names_wins(tmp_path) -> None:
    root = layers(
        tmp_path, tar(("a", b"1"), ("a", b"22"), directory("b"), ("b/x", b""), ("b", b"3"))
    )
    assert (root / "a").read_bytes() == b"22"
    assert (root / "b").read_bytes() == b"3"


def test_a_directory_stays_when_it_comes_again(tmp_path) -> None:
    root = layers(
        tmp_path,
        tar(directory("d", mode=0o700, mtime=5), ("d/x", b"1")),
        tar(directory("d", mode=0o2750, mtime=7), ("d/y", b"2")),
    )
    status = (root / "d").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_mtime) == (0o2750, 7)
    assert sorted(os.listdir(root / "d")) == ["x", "y"]


def test_missing_parents_are_0755(tmp_path) -> None:
    old = os.umask(0o077)
    try:
        root = layers(tmp_path, tar(("a/b/c", b"")))
    finally:
        os.umask(old)
    assert stat.S_IMODE((root / "a/b").stat().st_mode) == 0o755
    assert stat.S_IMODE((root / "a/b/c").stat().st_mode) == 0o644


def test_a_file_as_parent_is_refused(tmp_path) -> None:
    with pytest.raises(ImageError, match="not a directory"):
        layers(tmp_path, tar(("a", b"")), tar(("a/b", b"")))


def test_times_survive_what_happens_in_directories(tmp_path) -> None:
    root = layers(
        tmp_path,
        tar(directory("."), directory("d"), ("d/x", b"")),
        tar(("d/y", b""), ("d/.wh.x", b""), symlink("d/l", "y")),
    )
    for name in (".", "d", "d/y", "d/l"):
        assert (root / name).lstat().st_mtime == images.MTIME, name


def test_sub_second_times_and_set_id_bits(tmp_path) -> None:
    header = info("f", mode=0o6755, uid=os.getuid(), gid=os.getgid())
    header.pax_headers = {"mtime": "1600000000.987654321"}
    status = (layers(tmp_path, tar((header, b"x"))) / "f").stat()
    assert status.st_mtime_ns == 1600000000987654321
    assert stat.S_IMODE(status.st_mode) == 0o6755


def test_sparse_files_are_sparse(tmp_path) -> None:
    records = {"GNU.sparse.size": "100000000", "GNU.sparse.map": "50000000,3"}
    archive = images.pax(records) + images.raw_header(b"s", size=3) + images.padded(b"abc")
    path = layers(tmp_path, archive) / "s"
    assert path.stat().st_size == 100_000_000
    assert path.stat().st_blocks * 512 < 1_000_000
    with path.open("rb") as file:
        file.seek(49_999_999)
        assert file.read(5) == b"\0abc\0"


def test_trees_that_are_too_deep_are_refused(tmp_path) -> None:
    members = [directory("a/" * 200), symlink("l", "a/" * 200), directory("l/" + "b/" * 200)]
    with pytest.raises(ImageError, match=str(DEEPEST_TREE)):
        layers(tmp_path, tar(*members))
    remove_tree(tmp_path / "a")


def test_many_directories_take_few_open_files(tmp_path) -> None:
    made = [(f"{number % 7}/{number}/{number}/f", b"") for number in range(300)]
    hidden = [(f"{number}/.wh..wh..opq", b"") for number in range(7)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    try:
        root = layers(tmp_path, tar(*made), tar(("3/3/3/f", b""), *made[:150], *hidden))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(list(root.glob("*/*/*/f"))) == 150


@needs_root
def test_owners_and_devices(tmp_path) -> None:
    capability = bytes.fromhex("0100000200200000000000000000000000000000")
    header = info("ping", uid=0, gid=12, mode=0o755)
    header.pax_headers = {"SCHILY.xattr.security.capability": capability.decode("latin1")}
    node = info("null", tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666)
    root = layers(
        tmp_path,
        tar(info("a", uid=1000, gid=1001, mode=0o6711), symlink("l", "a", uid=5), node, header),
    )
    status = (root / "a").stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (1000, 1001, 0o6711)
    assert (root / "l").lstat().st_uid == 5
    assert (root / "null").stat().st_rdev == os.makedev(1, 3)
    assert os.getxattr(root / "ping", "security.capability") == capability


def test_a_directory_that_nobody_may_enter_can_be_filled_and_removed(tmp_path) -> None:
    root = tmp_path / "root"
    with new_root(root) as filesystem:
        apply_layer(io.BytesIO(tar(directory("d", mode=0), ("d/x", b""))), filesystem)
        apply_layer(io.BytesIO(tar(directory("d/e", mode=0o100), ("d/e/y", b""))), filesystem)
    assert stat.S_IMODE((root / "d").stat().st_mode) == 0
    remove_tree(root)
    assert not root.exists()
    remove_tree(root)


def test_trees_of_any_depth_are_removed(tmp_path) -> None:
    root = str(tmp_path / "root")
    os.mkdir(root)
    here = os.open(root, os.O_RDONLY)
    for _ in range(1200):  # more than recursion and open files allow
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(os.open("file", os.O_CREAT, dir_fd=here))
        os.close(here)
        here = below
    os.close(here)
    remove_tree(root)
    assert not os.listdir(tmp_path)


def test_a_name_that_is_too_long_is_told_whole(tmp_path) -> None:
    layer = tar(("d/" + "n" * 300, b""))
    complaint = pytest.raises(ImageError, match=r"root/d/n*: file name too long")
    with complaint, new_root(tmp_path / "root") as filesystem:
        apply_layer(io.BytesIO(layer), filesystem)


def test_reading_follows_links_inside_only(tmp_path, outside) -> None:
    root = tmp_path / "root"
    root.mkdir()
    layers(
        root,
        tar(
            ("nix/passwd", b"inside"),
            symlink("etc", "/nix"),
            symlink("nix/out", f"{outside}/secret"),
            symlink("nix/in", "/etc/passwd"),
            info("nix/pipe", tarfile.FIFOTYPE),
        ),
    )
    with RootFilesystem(root) as filesystem:
        assert filesystem.read("etc/passwd") == b"inside"
        assert filesystem.read("etc/in", 3) == b"ins"
        for name in ("etc/out", "etc/pipe", "etc/none", "none/none", ".", "etc"):
            assert filesystem.read(name) is None

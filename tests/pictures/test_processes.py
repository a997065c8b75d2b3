"""Processes with both their pids, namespaces side by side, mounts as a tree."""

import os
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicontainer.pictures.mounts import (
    find_overlay,
    mount_tree,
    overlay_layers,
    parse_mount,
    read_mounts,
)
from minicontainer.pictures.processes import namespaces, process_tree, read_process
from minicontainer.pictures.render import PictureError
from tests.programs import needs_namespaces, needs_root

from .svg_checks import boxes, edges, kinds

#: a process in namespaces of its own, which says its pid here and waits.
CHILD = """
import os, signal
from minicontainer import linux
flags = linux.CLONE_NEWPID | linux.CLONE_NEWNS | linux.CLONE_NEWUTS
linux.unshare(flags | (linux.CLONE_NEWUSER if os.geteuid() else 0))
child = os.fork()
if child == 0:
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    grandchild = os.fork()
    if grandchild == 0:
        signal.pause()
    signal.pause()
print(child, flush=True)
signal.pause()
"""


@pytest.fixture
def contained():
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        line = process.stdout.readline()
        assert line, "the child did not start"
        yield int(line)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)


def until_grown(pid: int) -> None:
    for _ in range(100):
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            if file.read().strip():
                return
        __import__("time").sleep(0.02)


@needs_namespaces
def test_both_pids(each_graphviz, contained):
    until_grown(contained)
    picture = process_tree(contained)
    found = boxes(picture.svg())
    assert ["python", "inside   1", f"outside  {contained}"] in [
        [lines[0][:6], *lines[1:]] for lines in found.values()
    ]
    assert any(lines[1:2] == ["inside   2"] for lines in found.values())
    assert edges(picture.svg()) == 2, "the parent outside leads in; the first leads to the second"
    assert f"is 1 inside and {contained} outside" in picture.alt


def test_a_plain_process_is_drawn_with_its_children():
    child = subprocess.Popen(["sleep", "20"])
    try:
        assert f"outside  {child.pid}" in str(boxes(process_tree(os.getpid()).svg()))
    finally:
        child.kill()
        child.wait()


def test_no_such_process():
    child = subprocess.Popen(["true"])
    child.wait()
    assert read_process(child.pid) is None
    for draw in (process_tree, lambda pid: namespaces(pid, os.getpid()), mount_tree):
        with pytest.raises(PictureError):
            draw(child.pid)


@needs_namespaces
def test_namespaces_side_by_side(contained):
    picture = namespaces(os.getpid(), contained)
    same, _, different = picture.alt.partition("Different: ")
    assert {"mnt", "pid", "uts"} <= set(different.rstrip(".").split(", "))
    assert "net" in same and "net" not in different


def test_a_process_beside_itself():
    picture = namespaces(os.getpid(), os.getpid())
    assert "Different: none" in picture.alt
    assert "shared" not in kinds(picture.svg())


MOUNTS = r"""
20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
21 20 0:5 / /proc rw,nosuid - proc proc rw
22 20 0:6 / /a\040b ro,nosuid master:3 propagate_from:2 - tmpfs tmpfs ro,size=64k
23 22 8:1 /srv/x /a\040b/c rw - ext4 /dev/sda1 rw
not a mount
"""


def test_mounts_as_a_tree(each_graphviz):
    svg = mount_tree(MOUNTS).svg()
    found = list(boxes(svg).values())
    assert ["/a b", "tmpfs, read-only", "master:3, propagate_from:2"] in found
    assert ["/a b/c", "ext4, read-write", "bind of /srv/x", "private"] in found
    assert edges(svg) == 3
    assert kinds(svg) == ["config", "index", "layer", "shared"]


def test_our_own_mounts():
    assert len(boxes(mount_tree(os.getpid()).svg())) >= 2


@given(st.text(max_size=200))
def test_any_line_is_a_mount_or_not(line):
    parse_mount(line)


def test_no_mounts():
    with pytest.raises(PictureError, match="no mounts"):
        mount_tree("nothing")
    with pytest.raises(PictureError, match="no overlay"):
        overlay_layers(MOUNTS)


OVERLAY = (
    "30 20 0:40 / / rw - overlay overlay "
    "rw,lowerdir=/l/2:/l/1:/l/0,upperdir=/up,workdir=/work,xino=off"
)


def test_overlay_from_mountinfo(each_graphviz):
    picture = overlay_layers(MOUNTS + OVERLAY)
    firsts = [lines[0] for lines in boxes(picture.svg()).values()]
    assert firsts == ["seen at /", "upper, written to", "lower 1", "lower 2", "lower 3"]
    assert find_overlay(read_mounts(OVERLAY)).lower == ("/l/2", "/l/1", "/l/0")


def test_overlay_of_directories_shows_what_each_holds(tmp_path):
    for name in ("base/etc", "base/bin", "app/srv"):
        (tmp_path / name).mkdir(parents=True)
    lines = str(boxes(overlay_layers([tmp_path / "app", tmp_path / "base"]).svg()))
    assert "bin/  etc/" in lines and "srv/" in lines
    assert "written to" not in lines


@needs_root
def test_whiteouts_of_an_overlay(tmp_path):
    try:
        os.mknod(tmp_path / "gone", 0o020000, os.makedev(0, 0))
    except PermissionError:
        pytest.skip("this root may not make device files")
    assert "deletes gone" in str(boxes(overlay_layers([tmp_path]).svg()))

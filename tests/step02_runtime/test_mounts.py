"""Mounts go where the configuration says, and never outside the root."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minicontainer import linux
from minicontainer.errors import ContainerError
from minicontainer.lib.config_schema import is_bind
from minicontainer.lib.mount_options import parse_options
from minicontainer.lib.paths import open_inside, shown
from tests.programs import needs, needs_root

UNMASKED = {"linux__maskedPaths": [], "linux__readonlyPaths": []}


def bind(source, destination, *options):
    return {
        "destination": destination,
        "type": "bind",
        "source": str(source),
        "options": ["bind", *options],
    }


def mounts_with(runtime, *more):
    return [*runtime.config("sh")["mounts"], *more]


def test_bind_mounts_and_their_options(both):
    source = both.top / "shared"
    (source / "sub").mkdir(parents=True)
    both._own(source)
    (source / "file").write_text("hello\n")
    root = str(both.own_root())
    more = [
        bind(source, "/rw"),
        bind(source, "/new/ro", "ro", "nosuid"),
        bind(source / "file", "/etc/one", "ro"),
        bind(source, "/rec", "rbind", "rprivate"),
        {
            "destination": "/scratch",
            "type": "tmpfs",
            "source": "tmpfs",
            "options": ["size=64k", "noexec"],
        },
    ]
    script = """
    cat /etc/one; echo x > /rw/made && echo written
    (echo x > /new/ro/made2) 2>/dev/null || echo refused
    (echo x > /etc/one) 2>/dev/null || echo refused
    ls /rec
    cat /proc/self/mountinfo
    """
    done = both.run("sh", "-c", script, mounts=mounts_with(both, *more), root__path=root)
    assert done.stdout.split()[:7] == [
        "hello",
        "written",
        "refused",
        "refused",
        "file",
        "made",
        "sub",
    ]
    assert (source / "made").exists()
    found = {l.split()[4]: l for l in done.stdout.splitlines() if " - " in l}  # noqa: E741
    assert "ro,nosuid" in found["/new/ro"] and "noexec" in found["/scratch"]
    assert "size=64k" in found["/scratch"]


def test_a_source_relative_to_the_bundle(runtime):
    config_mount = bind("here", "/tmp", "ro")
    bundle = Path(runtime.bundle("ls", "/tmp", mounts=mounts_with(runtime, config_mount)))
    (bundle / "here/inner").mkdir(parents=True)
    assert runtime.call("run", "-b", str(bundle), runtime.id).stdout == "inner\n"


@pytest.mark.parametrize("link", ["/", "../../../../../../..", "/etc/../.."])
def test_a_hostile_link_leads_no_mount_outside(both, link):
    """`/out -> {outside}` in the image, and a mount on /out/place."""
    outside = both.top / "outside"
    outside.mkdir()
    both._own(outside)
    root = both.own_root()
    target = str(outside) if link == "/" else link + str(outside)
    (root / "out").symlink_to(target)
    more = {"destination": "/out/place", "type": "tmpfs", "source": "tmpfs", "options": []}
    done = both.run(
        "cat", "/proc/self/mountinfo", mounts=mounts_with(both, more), root__path=str(root)
    )
    places = [line.split()[4] for line in done.stdout.splitlines()]
    assert f"{outside}/place" in places  # that is inside: below the container's /
    assert (root / str(outside)[1:] / "place").is_dir()
    assert list(outside.iterdir()) == []


def test_a_hostile_device_directory(runtime):
    outside = runtime.top / "outside"
    outside.mkdir()
    root = runtime.own_root()
    os.rmdir(root / "dev")
    (root / "dev").symlink_to(outside)
    done = runtime.run("ls", "/dev", root__path=str(root))
    assert "null" in done.stdout.split()
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    ("destination", "options"),
    [("/dev", None), ("/dev", ["rbind"]), ("//dev/", None), ("/device", None), ("/", None)],
)
def test_nothing_is_made_in_a_directory_of_the_host(both, destination, options):
    """Where /dev shows the host's, by whatever name it was mounted, no device goes there."""
    canary = both.top / "canary"
    (canary / "dev").mkdir(parents=True)
    both._own(canary)
    both._own(canary / "dev")
    root = both.own_root()
    (root / "device").symlink_to("dev")
    mount = {"type": "bind", "source": str(canary), "destination": destination}
    mount |= {"options": options} if options else {}
    both.create("sh", mounts=[mount], root__path=str(root), ok=destination != "/", **UNMASKED)
    both.call("delete", "--force", both.id, ok=None)
    assert sorted(p.name for p in canary.rglob("*")) == ["dev"]


def test_a_device_directory_over_the_hosts_is_the_containers(both):
    """The last mount counts: a tmpfs on a bind mount takes the devices."""
    canary = both.top / "canary"
    canary.mkdir()
    both._own(canary)
    own = {"type": "tmpfs", "source": "tmpfs", "destination": "/dev", "options": ["mode=755"]}
    mounts = [bind(canary, "/dev"), own]
    script = "test -c /dev/null && echo x > /dev/null && echo fine"
    done = both.run("sh", "-c", script, mounts=mounts, **UNMASKED)
    assert (done.stdout, list(canary.iterdir())) == ("fine\n", [])


@given(
    kind=st.sampled_from([None, "", "bind", "rbind", "tmpfs"]),
    options=st.lists(st.sampled_from(["bind", "rbind", "ro", "rw", "nodev", "size=1k", "private"])),
)
def test_a_bind_mount_is_one_for_everybody(kind, options):
    mount = {"destination": "/x", "options": options} | ({} if kind is None else {"type": kind})
    assert is_bind(mount) == bool(parse_options(mount)[0] & linux.MS_BIND)


def test_links_in_circles_are_refused(runtime):
    root = runtime.own_root()
    (root / "a").symlink_to("/b")
    (root / "b").symlink_to("/a")
    more = {"destination": "/a/x", "type": "tmpfs", "source": "tmpfs"}
    done = runtime.create("sh", mounts=mounts_with(runtime, more), root__path=str(root), ok=False)
    assert "/a/x" in done.stderr and "symbolic links" in done.stderr


def test_propagation_of_the_root(runtime):
    done = runtime.run("cat", "/proc/self/mountinfo", linux__rootfsPropagation="shared")
    (root,) = [line for line in done.stdout.splitlines() if line.split()[4] == "/"]
    assert "shared:" in root
    (root,) = [l for l in runtime.run("cat", "/proc/self/mountinfo").stdout.splitlines()  # noqa: E741
               if l.split()[4] == "/"]  # fmt: skip
    assert "shared:" not in root


@needs_root
@needs("unshare")
def test_where_mounts_are_shared_none_of_ours_reaches_the_host(runtime):
    bundle = runtime.bundle("sleep", "60")
    create = shlex.join(runtime.command("create", "-b", bundle, runtime.id))
    script = f"{create} >/dev/null 2>&1 && cat /proc/self/mountinfo"
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "shared", "sh", "-c", script],
        capture_output=True, text=True, check=True, timeout=60, env=runtime.options()["env"],
    )  # fmt: skip
    assert "shared:" in done.stdout
    assert str(runtime.tools) not in done.stdout


def test_options_become_flags():
    options = ["ro", "nosuid", "dev", "mode=755", "rshared", "size=1k"]
    flags, propagation, data = parse_options({"type": "tmpfs", "options": options})
    assert flags == linux.MS_RDONLY | linux.MS_NOSUID
    assert propagation == linux.MS_SHARED | linux.MS_REC
    assert data == "mode=755,size=1k"
    with pytest.raises(ContainerError, match="rro"):
        parse_options({"type": "bind", "options": ["rro"]})
    assert parse_options({"options": ["ro", "rw"]}) == (0, 0, None)
    assert parse_options({"type": "bind"})[0] == linux.MS_BIND
    assert parse_options({"options": ["rbind"]})[0] == linux.MS_BIND | linux.MS_REC


NAMES = st.sampled_from(["..", ".", "", "a", "b", "link", "up", "deep"])


@settings(max_examples=150, deadline=None)
@given(st.lists(NAMES, max_size=8), st.sampled_from(["", "directory", "file"]), st.data())
def test_no_path_leaves_the_root(names, make, data):
    with tempfile.TemporaryDirectory() as top:
        root = Path(top, "root")
        (root / "a").mkdir(parents=True)
        for name in ("link", "up", "a/deep"):
            target = data.draw(st.lists(NAMES, min_size=1, max_size=5))
            (root / name).symlink_to(
                data.draw(st.sampled_from(["/", ""])) + "/".join(target) or "."
            )
        before = sorted(os.listdir(top))
        try:
            fd = open_inside(str(root), "/".join(names), make)
        except OSError:
            fd = None
        if fd is not None:
            place = os.readlink(shown(fd))
            os.close(fd)
            assert place == str(root) or place.startswith(f"{root}/")
        assert sorted(os.listdir(top)) == before == ["root"]

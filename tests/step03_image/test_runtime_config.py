"""The image's config as the runtime's: arguments, environment, user, annotations."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicontainer.errors import ImageError
from minicontainer.lib.default_config import default_config
from minicontainer.step03_image.runtime_config import (
    DEFAULT_PATH,
    find_user,
    merge_environment,
    to_runtime_config,
)
from minicontainer.step03_image.spec import ImageConfig

PASSWD = """root:x:0:0:root:/root:/bin/sh
# a comment
www-data:x:33:34:www:/var/www:/bin/false
broken:x
odd:x:minus:1::/:
"""
GROUP = (
    "root:x:0:\nwww-data:x:34:\nssl:x:50:other,www-data\nadm:x:4:root,www-data\nbad:x:x:www-data\n"
)
BASE = {"ociVersion": "1.0.2", "process": {"env": ["TERM=xterm", "A=base"], "user": {"umask": 18}}}


@pytest.fixture
def root(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text(PASSWD)
    (tmp_path / "etc" / "group").write_text(GROUP)
    return tmp_path


def image(**settings) -> ImageConfig:
    return {
        "architecture": "arm",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": []},
        "config": {"Cmd": ["sh"], **settings},  # type: ignore[typeddict-item]
    }


@pytest.mark.parametrize(
    ("settings", "arguments", "expected"),
    [
        ({}, [], ["sh"]),
        ({"Entrypoint": ["/e", "x"]}, [], ["/e", "x", "sh"]),
        ({"Entrypoint": ["/e"], "Cmd": []}, [], ["/e"]),
        ({}, ["ls", "-l"], ["ls", "-l"]),
        ({"Entrypoint": ["/e"]}, ["ls"], ["/e", "ls"]),
    ],
)
def test_arguments(root, settings, arguments, expected) -> None:
    config = to_runtime_config(image(**settings), BASE, root, arguments)
    assert config["process"]["args"] == expected


def test_no_program_at_all(root) -> None:
    with pytest.raises(ImageError, match="names no program"):
        to_runtime_config(image(Cmd=[]), BASE, root)
    with pytest.raises(ImageError, match="names no program"):
        to_runtime_config({**image(), "config": {}}, BASE, root)


def test_environment(root) -> None:
    env = to_runtime_config(image(Env=["A=1", "B=x=y", "A=2", "EMPTY"]), BASE, root)
    assert env["process"]["env"] == [
        *("A=2", "B=x=y", "EMPTY=", "TERM=xterm"),
        *(f"PATH={DEFAULT_PATH}", "HOME=/root"),
    ]
    env = to_runtime_config(image(Env=["PATH=/only", "HOME=/h"]), {}, root)
    assert env["process"]["env"] == ["PATH=/only", "HOME=/h"]


@pytest.mark.parametrize(("given", "cwd"), [("", "/"), ("/srv", "/srv"), ("srv", "/srv")])
def test_working_directory(root, given, cwd) -> None:
    assert to_runtime_config(image(WorkingDir=given), BASE, root)["process"]["cwd"] == cwd


@pytest.mark.parametrize(
    ("wanted", "uid", "gid", "additional", "home"),
    [
        ("", 0, 0, [4], "/root"),
        ("root", 0, 0, [4], "/root"),
        ("www-data", 33, 34, [4, 50], "/var/www"),
        ("33", 33, 34, [4, 50], "/var/www"),
        ("www-data:ssl", 33, 50, [], "/var/www"),
        ("www-data:7", 33, 7, [], "/var/www"),
        ("1000", 1000, 0, [], "/"),
        ("1000:1001", 1000, 1001, [], "/"),
        ("1000:ssl", 1000, 50, [], "/"),
        (":ssl", 0, 50, [], "/root"),
    ],
)
def test_users(root, wanted, uid, gid, additional, home) -> None:
    assert find_user(root, wanted) == (uid, gid, additional, home)


@pytest.mark.parametrize("wanted", ["nobody", "www-data:none", "-1", "4294967295", "odd", "a:b:c"])
def test_unknown_users_are_an_error(root, wanted) -> None:
    with pytest.raises(ImageError, match=r"the image has no (user|group)"):
        find_user(root, wanted)


def test_users_without_files(tmp_path) -> None:
    assert find_user(tmp_path, "12") == (12, 0, [], "/")
    assert find_user(tmp_path, "") == (0, 0, [], "/")
    with pytest.raises(ImageError):
        find_user(tmp_path, "root")


def test_the_hosts_users_are_never_read(root) -> None:
    inside = root / "inside"
    (inside / "etc").mkdir(parents=True)
    (inside / "etc" / "passwd").symlink_to(root / "etc" / "passwd")
    (inside / "etc" / "group").symlink_to("../../etc/group.outside")
    (root / "etc" / "group").rename(root / "etc" / "group.outside")
    for wanted in ("www-data", "0:ssl"):
        with pytest.raises(ImageError):
            find_user(inside, wanted)
    os.unlink(inside / "etc" / "group")
    os.mkfifo(inside / "etc" / "group")
    assert find_user(inside, "33") == (33, 0, [], "/")


def test_user_in_the_config(root) -> None:
    user = to_runtime_config(image(User="www-data"), BASE, root)["process"]["user"]
    assert user == {"umask": 18, "uid": 33, "gid": 34, "additionalGids": [4, 50]}


def test_annotations(root) -> None:
    source = image(
        StopSignal="SIGQUIT",
        ExposedPorts={"8080/udp": {}, "80/tcp": {}},
        Labels={"org.opencontainers.image.author": "label", "x": "y"},
    )
    source.update({"author": "config", "created": "2020", "variant": "v7"})
    config = to_runtime_config(source, {**BASE, "annotations": {"base": "1", "x": "0"}}, root)
    assert config["annotations"] == {
        "base": "1",
        "x": "y",
        "org.opencontainers.image.os": "linux",
        "org.opencontainers.image.architecture": "arm",
        "org.opencontainers.image.variant": "v7",
        "org.opencontainers.image.author": "label",
        "org.opencontainers.image.created": "2020",
        "org.opencontainers.image.stopSignal": "SIGQUIT",
        "org.opencontainers.image.exposedPorts": "80/tcp,8080/udp",
    }


def test_the_base_is_not_changed(root) -> None:
    base = default_config(rootless=True)
    again = default_config(rootless=True)
    config = to_runtime_config(image(User="33", Env=["A=1"], Labels={"a": "b"}), base, root)
    assert base == again
    assert config["linux"] == base["linux"]


@given(st.lists(st.text()), st.lists(st.text()))
def test_merging_environments_names_each_variable_once(first, defaults) -> None:
    merged = merge_environment(first, defaults)
    names = [entry.partition("=")[0] for entry in merged]
    assert len(set(names)) == len(names)
    assert set(names) == {entry.partition("=")[0] for entry in [*first, *defaults]}


@given(st.text())
def test_any_user_is_found_or_refused(wanted) -> None:
    try:
        user = find_user("/nonexistent-root", wanted)  # type: ignore[arg-type]
    except ImageError:
        return
    assert 0 <= user.uid < 2**31

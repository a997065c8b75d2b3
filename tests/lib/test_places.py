"""Where a user's files are: what the environment says, and what holds without it."""

from __future__ import annotations

import os
import stat
import tempfile

import pytest

from minicontainer.errors import MinicontainerError
from minicontainer.lib import places


@pytest.mark.parametrize(
    ("place", "variable", "usual"),
    [(places.store, "XDG_DATA_HOME", ".local/share"), (places.cache, "XDG_CACHE_HOME", ".cache")],
)
def test_a_place_is_where_xdg_says(monkeypatch, tmp_path, place, variable, usual) -> None:
    monkeypatch.setenv(variable, str(tmp_path))
    assert place() == f"{tmp_path}/minicontainer"
    monkeypatch.setenv("HOME", str(tmp_path))
    for none in ("", "relative"):
        monkeypatch.setenv(variable, none)
        assert place() == f"{tmp_path}/{usual}/minicontainer"


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(MinicontainerError, match="no home directory") as raised:
        places.store()
    assert raised.value.hint == "set XDG_DATA_HOME"


def test_the_runtime_directory(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert places.runtime_directory("x") == f"{tmp_path}/x"
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr("minicontainer.lib.user_namespace.is_rootless", lambda: True)
    monkeypatch.setattr("minicontainer.lib.user_namespace.own_uid", lambda: 1234)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert places.runtime_directory("x") == f"{tmp_path}/x-1234"
    monkeypatch.setattr("minicontainer.lib.user_namespace.is_rootless", lambda: False)
    monkeypatch.setattr(places, "may_write", lambda path: True)  # as root may
    assert places.runtime_directory("x") == "/run/x"


def test_a_runtime_directory_of_somebody_else_is_left_alone(monkeypatch, tmp_path) -> None:
    # as after `su`: the variable names the directory of the user before
    monkeypatch.setattr(places, "may_write", lambda path: path != "/run/user/7")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    own = f"{tmp_path}/x-{os.geteuid()}"
    os.mkdir(own, 0o755)
    assert places.runtime_directory("x") == own
    assert stat.S_IMODE(os.stat(own).st_mode) == 0o700
    os.rmdir(own)
    os.symlink(tmp_path, own)
    with pytest.raises(MinicontainerError, match="somebody else") as raised:
        places.runtime_directory("x")
    assert "XDG_RUNTIME_DIR" in raised.value.hint


@pytest.mark.parametrize("name", ["a b", "a:b", "a,b", "a\\b", "한글", "$x"])
def test_a_scratch_directory_has_a_name_without_quotes(monkeypatch, tmp_path, name) -> None:
    monkeypatch.setattr(tempfile, "tempdir", f"{tmp_path}/{name}")
    os.mkdir(f"{tmp_path}/{name}")
    monkeypatch.setattr(places.os.path, "expanduser", lambda path: str(tmp_path))
    monkeypatch.setattr(places, "may_write", lambda path: path.startswith(str(tmp_path)))
    made = places.scratch_directory("x-")
    assert os.path.dirname(made) == str(tmp_path)


def test_a_scratch_directory_is_where_programs_run(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    noexec = os.statvfs_result((4096, 4096, 0, 0, 0, 0, 0, 0, os.ST_NOEXEC, 255))
    real = os.statvfs
    monkeypatch.setattr(
        places.os, "statvfs", lambda path: noexec if path == str(tmp_path) else real(path)
    )
    made = places.scratch_directory("x-")
    os.rmdir(made)
    assert os.path.dirname(made) != str(tmp_path)

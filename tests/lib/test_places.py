"""Where a user's files are: what the environment says, and what holds without it."""

from __future__ import annotations

import os

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
    assert places.runtime_directory("x") == "/tmp/x-1234"
    monkeypatch.setattr("minicontainer.lib.user_namespace.is_rootless", lambda: False)
    assert places.runtime_directory("x") == "/run/x"

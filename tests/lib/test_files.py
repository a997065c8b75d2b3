"""Files that appear whole, or not at all."""

from __future__ import annotations

import os
import stat
import threading

import pytest

from minicontainer.errors import ImageError
from minicontainer.lib.files import make_open_directory, plain_errors, write_whole


def test_a_file_is_written_and_replaced(tmp_path) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")
    write_whole(str(path), b"new", mode=0o600)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["file"]


def test_a_name_without_a_directory(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_whole("n" * 255, b"here")
    assert os.listdir(tmp_path) == ["n" * 255]


def test_nothing_is_left_of_what_failed(tmp_path, monkeypatch) -> None:
    (tmp_path / "directory").mkdir()
    with pytest.raises(OSError):
        write_whole(tmp_path / "directory", b"x")
    (tmp_path / "file").write_bytes(b"old")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == ["directory", "file"]


def test_readers_find_the_old_one_or_the_new_one(tmp_path) -> None:
    path = tmp_path / "file"
    contents = [letter * 100_000 for letter in (b"a", b"b")]
    write_whole(path, contents[0])
    writers = [
        threading.Thread(target=lambda one=one: [write_whole(path, one) for _ in range(50)])
        for one in contents
    ]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert path.read_bytes() in contents
    assert os.listdir(tmp_path) == ["file"]


def test_what_the_disk_refuses_is_said_plainly(tmp_path) -> None:
    complaint = pytest.raises(ImageError, match="no such file or directory")
    with complaint as caught, plain_errors(tmp_path):
        write_whole(tmp_path / "none" / "file", b"")
    assert str(tmp_path / "none") in caught.value.where


def test_an_open_directory_is_so_below_any_umask_and_parent(tmp_path) -> None:
    tmp_path.chmod(0o2777)
    before = os.umask(0o077)
    try:
        make_open_directory(tmp_path / "root")
    finally:
        os.umask(before)
    made = (tmp_path / "root").stat()
    assert (stat.S_IMODE(made.st_mode), made.st_gid) == (0o755, os.getegid())

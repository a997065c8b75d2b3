"""The lifecycle, and state directories of our own and of other runtimes."""

import json
import os
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minicontainer.lib import cgroups
from minicontainer.lib.default_config import default_config
from minicontainer.pictures import runtime
from minicontainer.pictures.render import PictureError
from minicontainer.pictures.runtime import STATES, lifecycle, state_directory
from minicontainer.step01_chroot.rootfs import build_root
from minicontainer.step02_runtime.state import start_time
from tests.programs import needs, needs_root

from .svg_checks import boxes, edges, kinds


@pytest.mark.parametrize("status", [None, *STATES])
def test_lifecycle(each_graphviz, status):
    picture = lifecycle(status)
    svg = picture.svg()
    assert edges(svg) == 8
    here = [lines[0] for lines in boxes(svg).values() if "it is here" in lines]
    assert here == ([status] if status else [])
    assert (f"This container is {status}" in picture.alt) == (status is not None)


def test_lifecycle_refuses_what_the_specification_does_not_know():
    with pytest.raises(PictureError, match="no status 'dead'") as caught:
        lifecycle("dead")
    assert "stopped" in caught.value.hint


def record(pid: int) -> dict:
    config = {"root": {"path": "rootfs"}, "ociVersion": "1.2.0"}
    identity = {"pid": pid, "start": start_time(pid)}
    return {
        "ociVersion": "1.2.0",
        "id": "web1",
        "bundle": "/b",
        "created": "2026-01-01T00:00:00Z",
        "owner": "me",
        "creator": identity,
        "init": identity,
        "cgroup": None,
        "config": config,
    }


def test_our_own_state_with_its_derived_status(each_graphviz, tmp_path, monkeypatch):
    monkeypatch.setattr(cgroups, "is_frozen", lambda _: False)
    directory = tmp_path / "web1"
    directory.mkdir()
    (directory / "state.json").write_text(json.dumps(record(os.getpid())))
    lines = [line for box in boxes(state_directory(tmp_path).svg()).values() for line in box]
    assert "status running" in lines
    assert f"pid {os.getpid()}" in lines
    os.mkfifo(directory / "exec.fifo")
    lines = [line for box in boxes(state_directory(tmp_path).svg()).values() for line in box]
    assert "status created" in lines
    assert any(line.startswith("exec.fifo") and line.endswith("fifo") for line in lines)


def test_state_of_runc_and_crun_is_only_read(tmp_path):
    runc, crun = tmp_path / "one", tmp_path / "two"
    for directory in (runc, crun):
        directory.mkdir()
    text = {"id": "one", "init_process_pid": 4711, "created": "2026-01-01T00:00:00Z", "cgroup": {}}
    (runc / "state.json").write_text(json.dumps(text))
    (crun / "status").write_text(json.dumps({"pid": 4712, "bundle": "/b", "rootfs": "/b/rootfs"}))
    before = sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*"))
    lines = [line for box in boxes(state_directory(tmp_path).svg()).values() for line in box]
    assert {"init_process_pid 4711", "pid 4712", "bundle /b"} <= set(lines)
    assert sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")) == before


@needs("runc", "sleep")
@needs_root
def test_a_container_of_runc(tmp_path):
    root, bundle, name = tmp_path / "runc", tmp_path / "bundle", f"picture-{os.getpid()}"
    build_root(str(bundle / "rootfs"), ["/bin/sleep"])
    config = default_config(rootless=False)
    config["process"] |= {"args": ["/bin/sleep", "60"], "terminal": False}
    (bundle / "config.json").write_text(json.dumps(config))
    runc = ["runc", "--root", str(root)]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "timeout": 20}
    subprocess.run([*runc, "create", "--bundle", str(bundle), name], check=True, **quiet)
    try:
        told = subprocess.run([*runc, "state", name], capture_output=True, check=True, timeout=60)
        lines = [line for box in boxes(state_directory(root).svg()).values() for line in box]
    finally:
        subprocess.run([*runc, "delete", "--force", name], check=False, **quiet)
    assert {name, f"init_process_pid {json.loads(told.stdout)['pid']}"} <= set(lines)
    assert any(line.startswith("exec.fifo") for line in lines), "it waits for start"


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=st.binary(max_size=200) | st.just(b"[" * 100_000) | st.just(b'{"init": 7}'))
def test_any_state_file_is_survived(tmp_path_factory, content):
    root = tmp_path_factory.mktemp("state")
    (root / "x").mkdir()
    (root / "x" / "state.json").write_bytes(content)
    assert "x" in state_directory(root).alt


def test_links_are_not_followed_and_much_is_bounded(tmp_path):
    (tmp_path / "x").symlink_to("/")
    assert "It is empty" in state_directory(tmp_path).alt
    many = tmp_path / "many"
    many.mkdir()
    for number in range(100):
        (many / f"f{number}").write_text("")
    assert len(list(runtime.state_files(many))) == runtime.MOST_FILES


def test_an_empty_and_a_missing_root(tmp_path):
    assert kinds(state_directory(tmp_path).svg()) == ["reference"]
    with pytest.raises(PictureError, match="No such file"):
        state_directory(tmp_path / "nowhere")

"""A registry's storage: links, blobs, what nothing points to; on disk and in a bucket."""

import os
import subprocess
from dataclasses import replace

import pytest

from minicontainer.errors import MinicontainerError
from minicontainer.pictures import disk
from minicontainer.pictures.disk import read_storage
from minicontainer.pictures.storage import storage_tree
from tests.programs import needs
from tests.waiting import until

from .registries import BASE, Storage
from .svg_checks import boxes, edges, kinds

ORPHAN = "ab" * 32


@pytest.fixture
def storage(tmp_path, two_tags):
    """web with both tags; copy, whose tag was moved from 1.0 to 1.1; an orphan; an upload."""
    made = Storage(tmp_path / "registry")
    old, new = two_tags.tags
    made.push(two_tags, old, "workshop/web", "1.0")
    made.push(two_tags, new, "workshop/web", "1.1")
    made.push(two_tags, old, "other/copy", "latest")
    made.push(two_tags, new, "other/copy", "latest")
    made.write(f"blobs/sha256/ab/{ORPHAN}/data", b"x" * 700)
    made.write("repositories/workshop/web/_uploads/0c1d/data", b"part")
    made.write("repositories/workshop/web/_uploads/0c1d/startedat", b"2026-01-01T00:00:00Z")
    return made


def test_what_is_read(storage, two_tags):
    found = read_storage(storage.path)
    old, new = (descriptor["digest"] for descriptor in two_tags.tags)
    web, copy = found.repositories["workshop/web"], found.repositories["other/copy"]
    assert web.tags == {"1.0": old, "1.1": new}
    assert copy.tags == {"latest": new}
    assert web.uploads == {"0c1d": 4}
    assert found.unreferenced() == {f"sha256:{ORPHAN}"}
    assert web.unused() == set()
    assert old in copy.unused(), "the tag was moved away from it"
    assert found.kinds[new] == "index"
    assert sorted(found.kinds.values()).count("config") == 4
    assert len(found.blobs) == 17


def test_the_picture(each_graphviz, storage, two_tags):
    svg = storage_tree(storage.path, beside=two_tags.path).svg()
    found = boxes(svg)
    lines = [line for box in found.values() for line in box]
    assert "latest/current/link" in lines
    assert lines.count("no link points here") == 1
    assert "no tag leads here" in lines
    assert "unfinished, 4 B" in lines
    assert "index.json" in lines
    assert "sha256/ab/abababab…/data" in lines
    links = len(read_storage(storage.path).repositories) * (6 + 10)
    assert edges(svg) >= links + 3 + 16, "links to blobs, tags to revisions, same bytes"


def test_one_repository(storage):
    picture = storage_tree(storage.path, repository="other/copy")
    assert "workshop/web" not in picture.dot
    assert "warning" not in kinds(picture.svg())
    with pytest.raises(MinicontainerError, match="no repository 'x'") as caught:
        storage_tree(storage.path, repository="x")
    assert "other/copy" in caught.value.hint


@pytest.mark.parametrize("below", ["", "docker", "docker/registry", BASE])
def test_any_directory_on_the_way_will_do(storage, below):
    assert len(read_storage(storage.path / below).blobs) == 17


def test_no_storage(tmp_path):
    with pytest.raises(MinicontainerError, match="no registry's storage"):
        read_storage(tmp_path)
    with pytest.raises(MinicontainerError, match="no registry's storage"):
        read_storage(tmp_path / "nowhere")


@pytest.mark.parametrize("link", ["", "sha256:../../../../etc/passwd", "x" * 5000, "\xff\x00"])
def test_links_that_hold_no_digest(storage, link):
    storage.write("repositories/workshop/web/_manifests/tags/bad/current/link", link)
    found = read_storage(storage.path)
    assert "bad" not in found.repositories["workshop/web"].tags
    assert found.broken == ["repositories/workshop/web/_manifests/tags/bad/current/link"]


def test_a_link_to_a_blob_that_is_not_there(storage):
    digest = f"sha256:{'cd' * 32}"
    storage.write("repositories/workshop/web/_manifests/tags/lost/current/link", digest)
    lines = [line for box in boxes(storage_tree(storage.path).svg()).values() for line in box]
    assert "no such blob" in lines


def test_links_devices_and_fifos_in_the_directory_are_left_alone(storage, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    evil = storage.base / "blobs/sha256/ee" / ("ee" * 32)
    evil.mkdir(parents=True)
    (evil / "data").symlink_to(secret)
    fifo = storage.base / "repositories/workshop/web/_manifests/tags/fifo/current"
    fifo.mkdir(parents=True)
    os.mkfifo(fifo / "link")
    assert len(read_storage(storage.path).blobs) == 17


def test_a_huge_storage_is_cut_short(storage, monkeypatch):
    monkeypatch.setattr(disk, "MOST_FILES", 10)
    assert read_storage(storage.path).cut_short
    assert "there are more" in storage_tree(storage.path).dot


def test_hostile_names(storage, two_tags):
    storage.push(two_tags, two_tags.tags[0], 'x"]; evil [label="<b>', 'tag"<script>')
    assert len(boxes(storage_tree(storage.path).svg())) > 40


def test_addresses_need_fsspec(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    with pytest.raises(MinicontainerError, match="fsspec") as caught:
        read_storage("s3://bucket")
    assert caught.value.hint.endswith(" install fsspec s3fs")


def test_a_bucket(storage, monkeypatch, tmp_path):
    """The same storage in a local S3 server gives the same picture."""
    fsspec = pytest.importorskip("fsspec")
    pytest.importorskip("s3fs")
    moto = pytest.importorskip("moto.server", reason="not installed: moto, flask")
    server = moto.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            monkeypatch.setenv(name, value)
        bucket = fsspec.filesystem("s3")
        bucket.mkdir("images")
        bucket.put(str(storage.path / "docker"), "images/prefix/docker", recursive=True)
        found = read_storage("s3://images/prefix")
        assert found == replace(read_storage(storage.path), place="s3://images/prefix")
        with pytest.raises(MinicontainerError, match="no registry's storage"):
            read_storage("s3://images/elsewhere")
    finally:
        server.stop()


@needs("docker-registry", "skopeo")
def test_what_a_real_registry_writes(tmp_path, two_tags):
    directory, config = tmp_path / "real", tmp_path / "config.yml"
    config.write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {directory}}}}}\n"
        "http: {addr: '127.0.0.1:0'}\n"
    )
    login = tmp_path / "auth.json"
    login.write_text("{}")
    with open(tmp_path / "log", "wb") as log:
        server = subprocess.Popen(["docker-registry", "serve", config], stderr=log)
    try:
        port = port_of(server, tmp_path / "log")
        for tag in ("1.0", "1.1"):
            copy = ["skopeo", "copy", "--all", "-q", "--insecure-policy", "--authfile", str(login)]
            copy += ["--dest-tls-verify=false", f"oci:{two_tags.path}:docker.io/workshop/web:{tag}"]
            address = f"docker://127.0.0.1:{port}/workshop/web:{tag}"
            subprocess.run([*copy, address], check=True, timeout=60)
    finally:
        server.terminate()
        server.wait(60)
    found = read_storage(directory)
    assert set(found.repositories) == {"workshop/web"}
    digests = [descriptor["digest"] for descriptor in two_tags.tags]
    assert sorted(found.repositories["workshop/web"].tags.values()) == sorted(digests)
    assert found.unreferenced() == set()
    assert len(found.blobs) == 16


def port_of(server, log) -> int:
    """The port that the registry took, as it says in its log."""
    until(lambda: "listening on" in log.read_text() or server.poll() is not None)
    text = log.read_text()
    if "listening on" in text:
        return int(text.partition("listening on 127.0.0.1:")[2].split('"')[0].split()[0])
    pytest.skip(f"docker-registry does not start: {log.read_text()[-300:]}")

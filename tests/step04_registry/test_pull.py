"""A name becomes an image: whole, verified, once; also after an interruption."""

import json
import os
import re
import subprocess
import sys
import threading
import time

import pytest

from minicontainer.errors import DigestMismatch, ImageError
from minicontainer.lib.http_errors import LoginNeeded, NotFound, RegistryError
from minicontainer.registry.image_builder import (
    File,
    add_image,
    add_index,
    add_layer,
    add_manifest,
    write_document,
)
from minicontainer.registry.server import running_registry
from minicontainer.registry.token_service import Settings
from minicontainer.step03_image.blobs import write_blob
from minicontainer.step03_image.digest import digest_of
from minicontainer.step03_image.layout import (
    blob_path,
    create_layout,
    has_blob,
    read_blob,
    references,
    tag,
)
from minicontainer.step03_image.manifest import (
    NoMatchingPlatform,
    host_platform,
    parse_platform,
    resolve,
)
from minicontainer.step03_image.spec import OCI_INDEX, OCI_MANIFEST, parse_index, parse_manifest
from minicontainer.step04_registry.pull import pull
from minicontainer.step04_registry.reference import parse_reference
from tests.waiting import HANG, until

from .strange import StrangeServer

ELSEWHERE = {"architecture": "vax", "os": "linux"}


def name(text):
    return parse_reference(text)


def requests(images, work):
    """The requests that `work(at)` makes to a registry of `images` that wants no token."""
    lines = []
    with running_registry(images, Settings(authentication="none", log=lines.append)) as at:
        work(at)
    return [line.rpartition(" ")[0] for line in lines]


@pytest.mark.parametrize("image", ["workshop/hello", "workshop/web:1.0"])
def test_an_image_is_all_there_and_has_its_name(image, images, registry_at, registry, store):
    top = pull(name(image), store, registry=registry(registry_at))
    whole = str(name(image))
    assert top["digest"] == references(images)[whole]["digest"]
    assert references(store)[whole]["digest"] == top["digest"]
    manifest = parse_manifest(read_blob(store, resolve(store, top, host_platform())))
    for blob in [manifest["config"], *manifest["layers"]]:
        assert digest_of(blob_path(store, blob["digest"]).read_bytes()) == blob["digest"]


def test_another_platform(registry_at, registry, store):
    wanted = parse_platform("linux/arm/v7")
    top = pull(name("workshop/hello"), store, wanted, registry=registry(registry_at))
    assert has_blob(store, resolve(store, top, wanted))
    other = parse_platform("linux/riscv64")
    assert not has_blob(store, resolve(store, top, other))


def test_by_digest(images, registry_at, registry, store):
    digest = references(images)["docker.io/workshop/web:1.0"]["digest"]
    pull(name(f"workshop/web@{digest}"), store, registry=registry(registry_at))
    assert references(store)[f"docker.io/workshop/web@{digest}"]["digest"] == digest


def test_what_is_there_is_not_fetched_again(images, registry, store):
    first = requests(
        images, lambda at: pull(name("workshop/web:1.0"), store, registry=registry(at))
    )
    assert sum("/blobs/" in line for line in first) == 4
    again = requests(
        images, lambda at: pull(name("workshop/web:1.0"), store, registry=registry(at))
    )
    assert again == ["HEAD /v2/workshop/web/manifests/1.0"]
    newer = requests(
        images, lambda at: pull(name("workshop/web:1.1"), store, registry=registry(at))
    )
    assert sum("/blobs/" in line for line in newer) == 2, "config and page; the rest is shared"


@pytest.mark.parametrize("part", ["index", "manifest", "config", "layer"])
def test_what_is_there_but_damaged_is_fetched_again(registry_at, registry, store, part):
    def bring():
        return pull(name("workshop/web:1.0"), store, registry=registry(registry_at))

    top = bring()
    manifest = resolve(store, top, host_platform())
    parts = parse_manifest(read_blob(store, manifest))
    damaged = {"index": top, "manifest": manifest, "config": parts["config"]}
    path = blob_path(store, damaged.get(part, parts["layers"][1])["digest"])
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    bring()
    assert path.read_bytes() == content


def test_a_tag_that_moved_is_followed(registry, store, tmp_path):
    origin = create_layout(tmp_path / "origin")
    work = []
    for text in (b"old", b"new"):
        layer = add_layer(origin, "x", [File("file", text)])
        work.append(add_image(origin, [layer], {}, host_platform()))
    with running_registry(origin) as at:
        for descriptor in work:
            tag(origin, "docker.io/a/b:latest", descriptor)
            assert pull(name("a/b"), store, registry=registry(at))["digest"] == descriptor["digest"]
    assert references(store)["docker.io/a/b:latest"]["digest"] == work[1]["digest"]


def test_progress_is_told_for_each_blob(registry_at, registry, store):
    told = {}

    def progress(descriptor, at):
        assert at >= told.get(descriptor["digest"], (0, 0))[0]
        told[descriptor["digest"]] = (at, descriptor["size"])

    pull(name("workshop/web:1.0"), store, registry=registry(registry_at), progress=progress)
    assert len(told) == 4
    assert all(at == size for at, size in told.values())


def test_layers_come_at_the_same_time(registry, store):
    """The server holds each layer back until it was asked for the others too."""
    together = threading.Barrier(3)
    image = Pushed(3, hold=lambda: together.wait(60))
    with StrangeServer(image.answer) as server:
        pull(name("a/b"), store, registry=registry(server.at))
    assert not together.broken


def test_no_thread_is_left(registry_at, registry, store):
    def ours():
        return {one for one in threading.enumerate() if not one.name.startswith("registry")}

    before = ours()
    pull(name("workshop/hello"), store, registry=registry(registry_at))
    assert ours() <= before
    with pytest.raises(NotFound):
        pull(name("workshop/hello:nope"), store, registry=registry(registry_at))
    assert ours() <= before


def test_a_token_that_gets_too_old_is_replaced_once_for_all_threads(registry, store):
    image = Pushed(3)
    refused = threading.Barrier(4)  # config and layers, all at the same time
    tokens = []

    def answer(asked):
        if asked.path.startswith("/token"):
            tokens.append(f"T{len(tokens)}")
            asked.reply(body=json.dumps({"token": tokens[-1]}).encode())
        elif asked.headers.get("authorization") == f"Bearer T{'/blobs/' in asked.path:d}":
            image.answer(asked)
        else:
            if "/blobs/" in asked.path:
                refused.wait(60)
            realm = f"http://{asked.headers['host']}/token"
            asked.reply(401, WWW_Authenticate=f'Bearer realm="{realm}"')

    with StrangeServer(answer) as server:
        pull(name("a/b"), store, registry=registry(server.at))
    assert tokens == ["T0", "T1"]


class Pushed:
    """An image of `count` layers in a registry that can be made to misbehave."""

    def __init__(self, count=2, hold=lambda: None, wrong=(), size=40_000):
        self.hold, self.wrong = hold, wrong
        self.layers = [bytes([number]) * (size + number) for number in range(count)]
        self.config = json.dumps(
            {**host_platform(), "rootfs": {"type": "layers", "diff_ids": []}}
        ).encode()
        self.blobs = {digest_of(content): content for content in [self.config, *self.layers]}
        described = [
            {"mediaType": "application/x", "digest": digest_of(content), "size": len(content)}
            for content in [self.config, *self.layers]
        ]
        document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": described[0]}
        self.manifest = json.dumps({**document, "layers": described[1:]}).encode()

    def answer(self, asked):
        what = asked.path.rpartition("/")[2]
        if "/manifests/" in asked.path:
            return asked.reply(body=self.manifest, Content_Type=OCI_MANIFEST)
        content = self.blobs[what]
        if content in self.layers:
            self.hold()
            if self.layers.index(content) in self.wrong:
                content = content[:-1] + b"?"
        found = re.fullmatch(r"bytes=(\d+)-", asked.headers.get("range", ""))
        if not found:
            return asked.reply(body=content)
        first = int(found[1])
        content_range = f"bytes {first}-{len(content) - 1}/{len(content)}"
        return asked.reply(206, content[first:], Content_Range=content_range)


# -- what can go wrong ------------------------------------------------------------


def test_a_missing_tag_lists_the_tags(registry_at, registry, store):
    with pytest.raises(NotFound) as refused:
        pull(name("workshop/web:9"), store, registry=registry(registry_at))
    assert str(refused.value) == "workshop/web:9: no image 9\n  on offer: 1.0, 1.1"
    assert references(store) == {}


def test_a_missing_repository_lists_the_repositories(registry_at, registry, store):
    with pytest.raises(NotFound) as refused:
        pull(name("workshop/nope"), store, registry=registry(registry_at))
    assert "workshop/hello, workshop/shell, workshop/web" in refused.value.hint


def test_a_registry_with_nothing_to_say(registry, store):
    with (
        StrangeServer(lambda asked: asked.reply(404)) as server,
        pytest.raises(NotFound) as refused,
    ):
        pull(name("a/b"), store, registry=registry(server.at))
    assert refused.value.what == "no such image"


def test_a_private_image(registry, store):
    with StrangeServer(lambda asked: asked.reply(403)) as server, pytest.raises(LoginNeeded):
        pull(name("a/b"), store, registry=registry(server.at))


def test_a_missing_platform_lists_the_platforms(registry_at, registry, store):
    with pytest.raises(NoMatchingPlatform) as refused:
        pull(name("workshop/hello"), store, ELSEWHERE, registry=registry(registry_at))
    assert "linux/arm/v7" in refused.value.hint
    assert "unknown" not in refused.value.hint
    assert references(store) == {}


def test_one_wrong_layer_spoils_the_pull_and_nothing_bad_stays(registry, store):
    image = Pushed(6, wrong=[3])
    with StrangeServer(image.answer) as server, pytest.raises(DigestMismatch):
        pull(name("a/b"), store, registry=registry(server.at))
    assert references(store) == {}
    check_blobs(store)
    image.wrong = ()
    with StrangeServer(image.answer) as server:
        pull(name("a/b"), store, registry=registry(server.at))
    assert references(store)


def check_blobs(layout):
    """Every blob that has a name has the right one."""
    for path in (layout.path / "blobs/sha256").iterdir():
        assert digest_of(path.read_bytes()) == f"sha256:{path.name}"


@pytest.mark.parametrize("sent", ["nothing", "the head", "a byte"])
def test_the_first_failure_ends_the_others_at_once(registry, store, sent):
    image = Pushed(3, wrong=[0])
    released = threading.Event()

    def answer(asked):
        if digest_of(image.layers[2]) in asked.path:
            if sent != "nothing":
                body = b"x" if sent == "a byte" else b""
                asked.reply(body=body, length=len(image.layers[2]))
            released.wait(2 * HANG)
        else:
            image.answer(asked)

    begin = time.monotonic()
    with StrangeServer(answer) as server:
        with pytest.raises(DigestMismatch):
            pull(name("a/b"), store, registry=registry(server.at))
        assert time.monotonic() - begin < HANG
        released.set()


def test_a_child_of_another_size_than_the_index_says(registry, store):
    image = Pushed(1)
    entry = {
        "mediaType": OCI_MANIFEST,
        "digest": digest_of(image.manifest),
        "size": len(image.manifest) + 1,
        "platform": host_platform(),
    }
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}).encode()

    def answer(asked):
        if asked.path.endswith("latest"):
            asked.reply(body=index, Content_Type=OCI_INDEX)
        else:
            image.answer(asked)

    with StrangeServer(answer) as server, pytest.raises(ImageError):
        pull(name("a/b"), store, registry=registry(server.at))
    assert references(store) == {}


def nested(layout, depth):
    layer = add_layer(layout, "x", [File("file", b"content")])
    top = add_image(layout, [layer], {}, host_platform())
    for _ in range(depth):
        top = add_index(layout, [top])
    return top


@pytest.mark.parametrize(
    ("depth", "fits"), [(0, True), (1, True), (3, True), (8, True), (9, False)]
)
def test_indexes_in_indexes(registry, store, tmp_path, depth, fits):
    origin = create_layout(tmp_path / "origin")
    tag(origin, "docker.io/a/b:latest", nested(origin, depth))
    with running_registry(origin) as at:
        if fits:
            top = pull(name("a/b"), store, registry=registry(at))
            assert has_blob(store, resolve(store, top, host_platform()))
        else:
            with pytest.raises(ImageError):
                pull(name("a/b"), store, registry=registry(at))


def test_a_manifest_with_one_layer_twice(registry, store, tmp_path):
    origin = create_layout(tmp_path / "origin")
    layer = write_blob(origin, b"the layer", "application/x")
    config = write_document(origin, {}, "application/vnd.oci.empty.v1+json")
    tag(origin, "docker.io/a/b:latest", add_manifest(origin, config, [layer, layer]))
    asked = requests(origin, lambda at: pull(name("a/b"), store, registry=registry(at)))
    assert sum("/blobs/" in line for line in asked) == 2


# -- interruption ------------------------------------------------------------------

CHILD = """
import sys
from minicontainer.step03_image.layout import create_layout
from minicontainer.step04_registry.client import Registry
from minicontainer.step04_registry.pull import pull
from minicontainer.step04_registry.reference import parse_reference
print("started", flush=True)
try:
    pull(parse_reference("a/b"), create_layout(sys.argv[2]), registry=Registry(sys.argv[1]))
except KeyboardInterrupt:
    print("interrupted")
"""


def interrupted(store, sig):
    """Pull in a child, which gets `sig` when half of a large layer has arrived."""
    image = Pushed(1, size=4_000_000)
    half = len(image.layers[0]) // 2
    reached = threading.Event()
    stuck = threading.Event()

    def answer(asked):
        if digest_of(image.layers[0]) in asked.path and "range" not in asked.headers:
            asked.reply(body=image.layers[0][:half], length=len(image.layers[0]))
            reached.set()
            stuck.wait(2 * HANG)
        else:
            image.answer(asked)

    with StrangeServer(answer) as server:
        arguments = [sys.executable, "-c", CHILD, server.at, str(store.path)]
        child = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        try:
            assert reached.wait(HANG)
            unfinished = store.own / "unfinished"
            assert until(lambda: any(f.stat().st_size >= half for f in unfinished.glob("*")))
            child.send_signal(sig)
            output, _ = child.communicate(timeout=60)
        finally:
            child.kill()
            stuck.set()
    return image, output


@pytest.mark.skipif(os.name != "posix", reason="no kill -9")
@pytest.mark.parametrize("sig", [9, 2], ids=["kill", "ctrl-c"])
def test_an_interrupted_pull_leaves_no_bad_blob_and_is_continued(store, registry, sig):
    image, output = interrupted(store, sig)
    assert ("interrupted" in output) == (sig == 2)
    check_blobs(store)
    assert references(store) == {}
    assert not has_blob(store, layer_of(image))
    with StrangeServer(image.answer) as server:
        pull(name("a/b"), store, registry=registry(server.at))
    ranges = [asked.headers["range"] for asked in server.asked if "range" in asked.headers]
    assert ranges == [f"bytes={len(image.layers[0]) // 2}-"]
    assert has_blob(store, layer_of(image))
    check_blobs(store)
    assert not list((store.own / "unfinished").glob("*"))


def layer_of(image):
    content = image.layers[0]
    return {"mediaType": "x", "digest": digest_of(content), "size": len(content)}


def test_a_spoilt_unfinished_file_is_found_out(store, registry):
    image = Pushed(2)
    unfinished = store.own / "unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / digest_of(image.layers[1]).replace(":", "-")).write_bytes(b"?" * 1000)
    with StrangeServer(image.answer) as server:
        with pytest.raises(DigestMismatch):
            pull(name("a/b"), store, registry=registry(server.at))
        pull(name("a/b"), store, registry=registry(server.at))
    check_blobs(store)


def test_the_registry_going_away_in_the_middle(store, registry):
    image = Pushed(2)

    def answer(asked):
        if "/blobs/" in asked.path:
            asked.drop()
        else:
            image.answer(asked)

    with StrangeServer(answer) as server, pytest.raises(RegistryError) as refused:
        pull(name("a/b"), store, registry=registry(server.at))
    assert "closed" in refused.value.what
    assert references(store) == {}


def test_index_platform_is_kept(registry_at, registry, store):
    top = pull(name("workshop/hello"), store, registry=registry(registry_at))
    assert len(parse_index(read_blob(store, top))["manifests"]) == 6

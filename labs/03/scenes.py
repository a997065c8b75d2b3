"""What lab 03 shows: the way of `docker run`, and a small image from the inside.

The image is made anew for each process, always the same: an index for two
platforms with an attestation beside them, and three layers, of which the
second replaces and hides a file, and the third begins a directory anew.
"""

from __future__ import annotations

import functools
import json
import tempfile
from pathlib import Path
from typing import Any

from minicontainer.pictures.drawing import Picture
from minicontainer.pictures.explore import Explorer, explore
from minicontainer.pictures.manifests import manifest_graph
from minicontainer.pictures.way import way as way
from minicontainer.step03_image.layout import Layout
from minicontainer.workshop.samples.small_images import (
    MANIFEST,
    Sample,
    directory,
    file,
    sha256,
    symlink,
    tar,
)
from minicontainer.workshop.scenes import transcript

from .viewers import Browser, LayerTable

LAYERS = (
    tar(
        directory("bin"),
        file("bin/hello", "#!/bin/sh\necho hello\n", mode=0o755),
        directory("etc"),
        file("etc/motd", "welcome\n"),
        file("etc/version", "1\n"),
        directory("srv"),
        file("srv/draft", "to do\n"),
    ),
    tar(file("etc/.wh.motd"), file("etc/version", "2\n"), symlink("usr", "/bin")),
    tar(directory("srv"), file("srv/.wh..wh..opq"), file("srv/page", "done\n")),
)
_REF_NAME = "org.opencontainers.image.ref.name"
_CONFIG = {"Entrypoint": ["/bin/hello"], "Env": ["PATH=/bin"], "WorkingDir": "/srv"}


@functools.cache
def _directory() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="lab03-")


@functools.cache
def layout() -> Layout:
    """The layout `small`, with the image `demo` and, for a nested index, `nested`."""
    sample = Sample(Path(_directory().name) / "small")
    amd = sample.image(LAYERS, _CONFIG, platform={"os": "linux", "architecture": "amd64"})
    plain = {"os": "linux", "architecture": "arm64"}
    arm = sample.image(LAYERS[:2], _CONFIG, architecture="arm64", platform=plain)
    nobody = {"os": "unknown", "architecture": "unknown"}
    empty = sample.blob(b"{}", "application/vnd.oci.empty.v1+json")
    attestation = {"config": empty, "layers": [empty]}
    index = sample.index([sample.document(attestation, MANIFEST, platform=nobody), arm, amd])
    sample.tag({"demo": index, "nested": sample.index([index])})
    return Layout(sample.path)


def image() -> Picture:
    """The image `demo`: its index, manifests, configs and layers."""
    return manifest_graph(f"oci:{layout().path}:demo")


def explorer() -> Explorer:
    """As `image`, to click on: a box opens its JSON, a layer its list of files."""
    return explore(f"oci:{layout().path}:demo")


def nested() -> Picture:
    """The image `nested`: an index that leads to an index."""
    return manifest_graph(f"oci:{layout().path}:nested")


def top(name: str) -> dict[str, Any]:
    """The descriptor that `name` leads to."""
    index = json.loads((layout().path / "index.json").read_text())
    found = {entry["annotations"][_REF_NAME]: entry for entry in index["manifests"]}
    return found[name]


def digests_of_two() -> str:
    """Two documents that mean the same, and their digests."""
    documents = ('{"size": 5}', '{"size":  5}')
    return "\n".join(f"{text:<14} {_cut(sha256(text.encode()))}" for text in documents)


def _cut(digest: str) -> str:
    """The beginning and the end of a digest, so that a line of it fits the page."""
    return f"{digest[:27]}…{digest[-10:]}"


def descriptor_text() -> str:
    """The descriptor of the config of the amd64 image in `demo`."""
    manifest = json.loads(blob(document("demo")["manifests"][-1]))
    return json.dumps(manifest["config"], indent=2).replace(
        manifest["config"]["digest"], _cut(manifest["config"]["digest"])
    )


def document(name: str) -> dict[str, Any]:
    """The index that `name` leads to, as Python has it."""
    return json.loads(blob(top(name)))


def blob(descriptor: dict[str, Any]) -> str:
    """The text of a blob."""
    return (layout().path / "blobs" / descriptor["digest"].replace(":", "/")).read_text()


def index_text() -> str:
    """The index of `demo`, with its digests shortened."""
    return _shortened(json.dumps(document("demo"), indent=2))


def config_text() -> str:
    """The config of the amd64 image in `demo`, with its digests shortened."""
    manifest = json.loads(blob(document("demo")["manifests"][-1]))
    return _shortened(json.dumps(json.loads(blob(manifest["config"])), indent=2))


def _shortened(text: str) -> str:
    parts = text.split("sha256:")
    return "sha256:".join([parts[0], *(f"{part[:8]}…{part[64:]}" for part in parts[1:])])


def files() -> str:
    """The files of the layout, as `find` lists them."""
    lines = []
    for path in sorted(layout().path.rglob("*")):
        if path.is_file():
            name = path.relative_to(layout().path.parent).as_posix()
            lines.append(f"{path.stat().st_size:>6}  {name[:34]}{'…' if len(name) > 34 else ''}")
    return "\n".join(lines)


def browser() -> Browser:
    """Pick a name, a platform and a blob, and read it."""
    return Browser(layout())


def layer_table() -> LayerTable:
    """What each layer of `demo` adds, replaces and hides, and what remains."""
    return LayerTable(LAYERS)


def shell(command: str) -> str:
    """A command, run where `small` is, and what it prints."""
    return transcript(command, layout().path.parent)

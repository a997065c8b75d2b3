"""What lab 04 shows: a small registry, what it answers, and what may go wrong on the way.

The registry is the kit's own, with two images that share layers, team/app:1.0
and 1.1, and a repository with many tags. The mishaps (talk.py) need no
network at all.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import re
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

from minicontainer.errors import MinicontainerError
from minicontainer.pictures.drawing import Picture
from minicontainer.pictures.explore import Explorer, explore_images
from minicontainer.pictures.manifests import manifest_graph
from minicontainer.pictures.sources import open_images
from minicontainer.pictures.way import way as way
from minicontainer.registry.server import running_registry
from minicontainer.step03_image.layout import Layout, references
from minicontainer.workshop.samples.small_images import Sample, file, tar
from minicontainer.workshop.scenes import WIDTH, folded, without_other_labs
from minicontainer.workshop.stage import Stage, stage

from .talk import MISHAPS as MISHAPS
from .talk import Talk
from .talk import blob_talk as blob_talk
from .talk import talk as talk

REPOSITORY = "team/app"
_SYSTEM = tar(file("bin/app", "#!/bin/sh\nread page < /page\necho $page\n", mode=0o755))
_SETTINGS = tar(file("etc/app.conf", "language = en\n"))
_PAGES = {"1.0": "Hello from a container.\n", "1.1": "Hello from a newer container.\n"}
_PLATFORM = {"os": "linux", "architecture": "amd64"}
_MOST_LINES = 8
_DIGITS = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
_SHOWN_HEADERS = (
    "content-type",
    "content-range",
    "docker-content-digest",
    "link",
    "www-authenticate",
)


@functools.cache
def _directory() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="lab04-")


@functools.cache
def shop() -> Layout:
    """The images that the registry has, as a layout."""
    sample = Sample(Path(_directory().name) / "shop")
    names = {}
    for tag, page in _PAGES.items():
        layers = [_SYSTEM, _SETTINGS, tar(file("page", page))]
        manifest = sample.image(layers, {"Cmd": ["/bin/app"]}, platform=_PLATFORM)
        names[f"docker.io/{REPOSITORY}:{tag}"] = sample.index([manifest])
    for number in range(1, 8):
        names[f"docker.io/team/many:v{number}"] = names[f"docker.io/{REPOSITORY}:1.0"]
    sample.tag(names)
    return Layout(sample.path)


class Shop:
    """The registry while it runs: its address `host`, and a `layout` to pull into."""

    def __init__(self, here: Stage) -> None:
        self.here, self.host = here, here.host
        self.store = here.directory / "data/minicontainer"

    @property
    def layout(self) -> Layout:
        """The store that `minicontainer` uses in `run`."""
        from minicontainer.step03_image.layout import create_layout

        return create_layout(self.store)

    def run(self, command: str) -> str:
        """Run a command, and give it with what it prints; HOST stands for the address."""
        before = self._blobs()
        printed, status = self.here.run(command)
        if status:
            raise MinicontainerError(printed, command)
        shown = without_other_labs("04", printed).rstrip("\n")
        return f"{folded(f'$ {command}')}\n{shown}{self._arrived(before)}"

    def explorer(self) -> Explorer:
        """The images in the store, to click on; HOST stands for the address."""
        names = [f"oci:{self.layout.path}:{name}" for name in sorted(references(self.layout))]
        images = open_images(names, configs=True)
        named = [image._replace(name=image.name.replace(self.host, "HOST")) for image in images]
        return explore_images(named)

    def _blobs(self) -> dict[str, int]:
        """The blobs in the store of `minicontainer`, with their sizes."""
        found = self.store.glob("blobs/*/*")
        return {path.name: path.stat().st_size for path in found}

    def _arrived(self, before: dict[str, int]) -> str:
        """A line that says how much came into the store, if anything did."""
        came = [size for name, size in self._blobs().items() if name not in before]
        return f"\n({len(came)} files came into the store, {sum(came)} bytes)" if came else ""


@contextlib.contextmanager
def registry() -> Iterator[Shop]:
    """The registry, as long as the `with` block lasts."""
    with stage(shop()) as here:
        yield Shop(here)


def talks() -> Talk:
    """Choose what goes wrong, and read who says what to whom."""
    return Talk()


def shared() -> Picture:
    """The two images of team/app, and what they share."""
    names = [f"oci:{shop().path}:docker.io/{REPOSITORY}:{tag}" for tag in _PAGES]
    return manifest_graph(names)


def exchange(*paths: str, token: bool = True) -> str:
    """Real requests for these paths, and what comes back; with a token, as a client has it."""
    with running_registry(shop()) as host:
        told = [_told(host, path, _token(host, path) if token else "") for path in paths]
        return "\n\n".join(told).replace(host, "HOST")


def _token(host: str, path: str) -> str:
    repository = re.sub(r"^/v2/(.+)/(tags|manifests|blobs)/.*", r"\1", path)
    _, _, body = _get(host, f"/token?scope=repository:{repository}:pull", {})
    return json.loads(body)["token"]


def _told(host: str, path: str, token: str) -> str:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    status, named, body = _get(host, path, headers)
    shown = [f"{name}: {value}" for name, value in named if name.lower() in _SHOWN_HEADERS]
    ask = ' -H "Authorization: Bearer $TOKEN"' if token else ""
    lines = body.decode().splitlines()
    if len(lines) > _MOST_LINES:
        lines = [*lines[:_MOST_LINES], "…"]
    request = f"$ curl -i{ask} 'http://HOST{path}'"
    told = _DIGITS.sub(r"\1…", "\n".join([status, *shown, "", *lines])).replace(host, "HOST")
    return "\n".join([folded(request), *map(wrapped, told.split("\n"))])


def _get(host: str, path: str, headers: dict[str, str]) -> tuple[str, list, bytes]:
    connection = http.client.HTTPConnection(host, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return f"HTTP/1.1 {answer.status} {answer.reason}", answer.getheaders(), answer.read()
    finally:
        connection.close()


def shell(*commands: str) -> str:
    """Commands, and what they print, while the registry runs. Raises if one fails."""
    with registry() as here:
        return "\n\n".join(here.run(command) for command in commands)


def wrapped(line: str) -> str:
    """A line of a document or a header, broken after commas where it does not fit the page."""
    if len(line) <= WIDTH:
        return line
    spaced = line if ", " in line else line.replace(",", ", ")
    return textwrap.fill(
        spaced, WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )

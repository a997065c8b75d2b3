"""All layers of an image, in order and verified: the root filesystem.

In: a layout and the descriptor of a manifest in it. Out: a directory, which
gets its name only when everything in it is complete and every digest was right.
Spec: image-spec, manifest.md, config.md, "rootfs"; layer.md, "Applying Changesets".
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from minicontainer import explain
from minicontainer.errors import DigestMismatch, ImageError
from minicontainer.lib.files import make_open_directory, plain_errors
from minicontainer.lib.removal import remove_tree

from .digest import algorithm_of
from .layers import apply_layer, open_layer
from .layout import Layout, read_blob
from .spec import Descriptor, ImageConfig, parse_config, parse_manifest
from .tree import RootFilesystem


def unpack(layout: Layout, manifest: Descriptor, root: Path) -> ImageConfig:
    """Unpack the image that `manifest` describes into the new directory `root`; give its config.

    Layers are applied from the first to the last. Each blob must have the size
    and the digest that the manifest tells, and each layer, uncompressed, the
    digest at its place in the config's rootfs.diff_ids, of which there must be as
    many as layers. If anything fails, no directory is left.

    Raises ImageError, with BlobMissing, SizeMismatch and DigestMismatch among them.
    Spec: image-spec, manifest.md; config.md, "rootfs" and "Layer DiffID".
    """
    image = parse_manifest(read_blob(layout, manifest))
    config = parse_config(read_blob(layout, image["config"]))
    diff_ids = config["rootfs"]["diff_ids"]
    if len(diff_ids) != len(image["layers"]):
        what = f"{len(image['layers'])} layers, but {len(diff_ids)} diff_ids"
        raise ImageError(what, manifest["digest"])
    with new_root(root) as filesystem:
        for descriptor, diff_id in zip(image["layers"], diff_ids, strict=True):
            with open_layer(layout, descriptor, algorithm_of(diff_id)) as layer:
                apply_layer(layer, filesystem)
                if layer.diff_id() != diff_id:
                    what = f"uncompressed, the layer has the digest {layer.diff_id()}"
                    raise DigestMismatch(what, diff_id)
    return config


@contextlib.contextmanager
def new_root(root: Path | str) -> Iterator[RootFilesystem]:
    """A root filesystem to fill, which gets the name `root` when the with statement ends well.

    Whatever goes wrong, Ctrl-C included, nothing is left. Raises ImageError if
    `root` is there already and not an empty directory, or can't be written.
    """
    root = Path(os.path.abspath(root))
    with plain_errors(root):
        if root.is_symlink() or (root.exists() and (not root.is_dir() or any(root.iterdir()))):
            raise ImageError("already there", str(root), "choose a directory that does not exist")
        root.parent.mkdir(parents=True, exist_ok=True)
        unfinished = root.with_name(f".{root.name}.{secrets.token_hex(4)}")
        explain.emit("note", f"unpacking into {unfinished}, which is renamed at the end")
        try:
            make_open_directory(unfinished)
            with RootFilesystem(unfinished) as filesystem:
                yield filesystem
            os.replace(unfinished, root)
        except BaseException:
            remove_tree(unfinished)
            raise

"""What happens when you type `docker run`? This: pull, unpack, create, start, wait, delete.

In: an image's name and the options of `run`. Out: the exit status of the
container's process. Each verb is a function of an earlier step.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from minicontainer import explain, linux
from minicontainer.lib.foreground import Foreground
from minicontainer.lib.locks import locked
from minicontainer.lib.removal import remove_tree
from minicontainer.step02_runtime import lifecycle
from minicontainer.step03_image.layers import chain_ids
from minicontainer.step03_image.layout import Layout, read_blob
from minicontainer.step03_image.spec import Descriptor, ImageConfig, parse_config, parse_manifest
from minicontainer.step03_image.unpack import unpack

from . import containers
from .bundle import Options, bundle_from_image
from .caretaker import start_caretaker
from .rootless import become_root, is_rootless
from .snapshot import snapshot


def run_container(
    layout: Layout, manifest: Descriptor, record: containers.Record, options: Options
) -> int:
    """Run the image of `manifest` in a new container; its exit status.

    `record` says what is to be remembered of the container; `new_container` adds
    its "id" and its directory in the store, which becomes the bundle. From then on a
    caretaker stands by: however this function ends, it is dismissed, and so the
    caretaker calls clean_up. The status of the process is remembered with
    `containers.ended`. Only for a process with one thread.

    Raises MinicontainerError; OSError for a full disk and the like.
    """
    store, root, rootless = str(layout.path), containers.runtime_root(), is_rootless()
    become_root()
    record = containers.new_container(store, record)
    identity, bundle = record["id"], containers.directory(store, record["id"])
    caretaker = start_caretaker(lambda: clean_up(store, root, record))
    try:
        image = image_config(layout, manifest)
        snapshot(image_tree(layout, manifest, image), bundle)
        bundle_from_image(image, bundle, identity, options, rootless)
        status = run_bundle(root, identity, bundle, options.terminal)
        containers.ended(store, record, status)
        return status
    finally:
        caretaker.dismiss()


def run_bundle(root: str, identity: str, bundle: str, terminal: bool) -> int:
    """Run the container `identity` from `bundle`; the exit status of its process.

    The runtime's operations: create, start, stay until the process ends, delete,
    the last however the others end. `root` is the runtime's state directory.
    Meanwhile signals to us go on to the process, and with `terminal` so does all
    that is typed. The process dies with us. The status is 128 + n if signal n
    ended it.

    Raises ContainerError. Spec: runtime-spec, runtime.md, "Lifecycle".
    """
    with Foreground(terminal) as foreground:
        console = foreground.console
        pid = lifecycle.create(root, identity, bundle, console_socket=console, die_with_parent=True)
        try:
            lifecycle.start(root, identity)
            return foreground.stay(pid)
        finally:
            lifecycle.delete(root, identity, force=True)


def image_config(layout: Layout, manifest: Descriptor) -> ImageConfig:
    """The config of the image: how to run it, and what its layers must be. Raises ImageError."""
    parts = parse_manifest(read_blob(layout, manifest))
    return parse_config(read_blob(layout, parts["config"]))


def image_tree(layout: Layout, manifest: Descriptor, image: ImageConfig) -> str:
    """The image's root filesystem, unpacked once for all its containers.

    Its path: the directory trees/CHAIN in the layout's directory, where CHAIN is
    the chain id of the image's top layer, with "-" for its ":", or "empty" if the
    image (whose config is `image`) has no layers. Images with the same layers share
    it, whatever their names. Unpacked only if it is not there; only read after that.

    Raises ImageError, OSError. Spec: image-spec, config.md, "Layer ChainID".
    """
    chain = chain_ids(image["rootfs"]["diff_ids"])
    name = chain[-1].replace(":", "-") if chain else "empty"
    tree = os.path.join(layout.path, "trees", name)
    if not os.path.isdir(tree):
        unpack_tree(layout, manifest, tree)
    return tree


def unpack_tree(layout: Layout, manifest: Descriptor, tree: str) -> None:
    """Unpack the image into the new directory `tree`, unless another process does it just now.

    The directory gets its name when it is complete. Raises ImageError, OSError.
    """
    explain.step("unpack the image", "Layer by layer, each over the one before it.")
    with locked(layout.path / "trees.lock"):
        if not os.path.isdir(tree):
            unpack(layout, manifest, Path(tree))


def clean_up(store: str, root: str, record: containers.Record) -> None:
    """End what is left of a container; with `remove`, leave no trace of it at all."""
    explain.step("clean up", "Process, state, cgroup, mount and files: nothing stays behind.")
    lifecycle.delete(root, record["id"], force=True)
    directory = containers.directory(store, record["id"])
    with contextlib.suppress(OSError):
        linux.umount2(os.path.join(directory, "rootfs"), linux.MNT_DETACH)
    if record["remove"]:
        remove_tree(directory)

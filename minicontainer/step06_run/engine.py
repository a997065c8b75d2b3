"""What happens when you type `docker run`? This: unpack, create, start, wait, delete.

In: an image in the store (obtain.py) and the options of `run`. Out: the exit
status of the container's process. Each verb is a function of an earlier step.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from minicontainer import explain, linux
from minicontainer.lib.locks import locked
from minicontainer.lib.refusal import why_refused
from minicontainer.lib.removal import remove_tree
from minicontainer.lib.user_namespace import enter_user_namespace, is_rootless, own_mappings
from minicontainer.step02_runtime import lifecycle
from minicontainer.step03_image.layers import chain_ids
from minicontainer.step03_image.layout import Layout
from minicontainer.step03_image.spec import Descriptor, Image, ImageConfig
from minicontainer.step03_image.unpack import unpack

from . import containers
from .bundle import Options, bundle_from_image
from .lifetime import run_bundle
from .monitor import start_monitor
from .snapshot import snapshot


def run_container(layout: Layout, image: Image, record: containers.Record, options: Options) -> int:
    """Run the image in a new container; its exit status.

    `record` says what is to be remembered of the container; containers.new_container
    adds its "id", and makes its directory in the store, which becomes the bundle. From
    then on a monitor stands by: however this function ends, it is dismissed, and so the
    monitor calls clean_up. The status of the process is remembered with
    `containers.ended`. Only for a process with one thread.

    Raises MinicontainerError; OSError for a full disk and the like.
    """
    store, root, rootless = str(layout.path), containers.runtime_root(), is_rootless()
    enter_mount_namespace()
    record = containers.new_container(store, record)
    id, bundle = record["id"], containers.directory(store, record["id"])
    monitor = start_monitor(lambda: clean_up(store, root, record))
    try:
        snapshot(image_tree(layout, image.descriptor, image.config), bundle)
        bundle_from_image(image.config, bundle, id, options, rootless)
        status = run_bundle(root, id, bundle, options.terminal)
        containers.ended(store, record, status)
        return status
    finally:
        monitor.dismiss()


def enter_mount_namespace() -> None:
    """Move this process into a private mount namespace, as root there.

    An ordinary user becomes root of a user namespace first, with as many ids as
    the system gives him, so that an image's files can belong to several users.
    Only for a process with one thread. Raises MinicontainerError where the machine
    forbids such namespaces. Source: mount_namespaces(7), user_namespaces(7).
    """
    try:
        if os.geteuid() == 0:
            explain.step("a mount namespace", "What is mounted from here on is not seen outside.")
            linux.unshare(linux.CLONE_NEWNS)
        else:
            why = "An ordinary user may not mount, but root of an own user namespace may."
            explain.step("become root of a user namespace", why)
            enter_user_namespace(linux.CLONE_NEWNS, *own_mappings())
        linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    except OSError as error:
        raise why_refused(error) from None


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
    """Undo what run_container has done, as far as it came: process, mount, files.

    First the runtime deletes the container, whatever its status: `root` is its state
    directory. Then the mount at rootfs, in the container's directory, goes, even while
    a file in it is open. At last that directory goes, if `record["remove"]` says so;
    else it stays as it is. When a step fails, its error passes and the next are not
    done: as long as the directory is there, the container is found again.

    It may be called at any moment, and twice: what was never made, or is gone already,
    is no error. Raises ContainerError, OSError. Source: umount2(2).
    """
    explain.step("clean up", "Process, state, cgroup, mount and files: nothing stays behind.")
    lifecycle.delete(root, record["id"], force=True)
    directory = containers.directory(store, record["id"])
    try:
        linux.umount2(os.path.join(directory, "rootfs"), linux.MNT_DETACH)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOENT):
            raise
    if record["remove"]:
        remove_tree(directory)

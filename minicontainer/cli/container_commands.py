"""`minicontainer run`, `ps` and `rm`: from the words of the command line to the engine."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import re
from collections.abc import Iterator
from textwrap import shorten

from minicontainer import explain
from minicontainer.errors import ContainerError, MinicontainerError
from minicontainer.lib import places
from minicontainer.lib.processes import in_child
from minicontainer.lib.tables import print_table
from minicontainer.registry.mirror import pull_image
from minicontainer.step02_runtime.state import process_identity
from minicontainer.step03_image.layout import create_layout
from minicontainer.step03_image.manifest import wanted_platform
from minicontainer.step04_registry.reference import parse_reference
from minicontainer.step06_run import engine
from minicontainer.step06_run.bundle import BadOption, Options
from minicontainer.step06_run.containers import Record, all_containers, runtime_root
from minicontainer.step06_run.obtain import obtain

from . import records
from .progress_bar import pull_progress
from .words import ago

_UNITS = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def run(arguments: argparse.Namespace) -> int:
    """`minicontainer run`: the exit status of the container's process."""
    options = read_options(arguments)
    with limits_explained(options):
        return run_image(arguments, options)


def run_image(arguments: argparse.Namespace, options: Options) -> int:
    """Find the image, in the store or in its registry, and run it in a new container."""
    layout = create_layout(places.store())
    sweep(str(layout.path))
    reference, wanted = parse_reference(arguments.image), wanted_platform(arguments.platform)
    with pull_progress() as progress:
        image = obtain(
            layout,
            reference,
            wanted,
            lambda: pull_image(layout, reference, wanted, progress),
            arguments.pull,
        )
    record = {
        "name": arguments.name,
        "image": reference.familiar,
        "manifest": image.descriptor["digest"],
        "remove": arguments.rm,
        "owner": process_identity(os.getpid()),
    }
    if not options.interactive:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        return engine.run_container(layout, image, record, options)
    except BaseException:
        sweep(str(layout.path), record["owner"])  # Ctrl-C may come before the monitor stands by
        raise


@contextlib.contextmanager
def limits_explained(options: Options) -> Iterator[None]:
    """Where this user has no cgroups, say so in the words of the command line."""
    try:
        yield
    except ContainerError as error:
        if error.where.startswith("/sys/fs/cgroup") and (options.memory or options.pids_limit):
            what, hint = f"no limits here: {error.what}", "Run it as root, or leave them out."
            raise BadOption(what, "--memory, --pids-limit", hint) from None
        raise


def read_options(arguments: argparse.Namespace) -> Options:
    """The options of `run`, each under the name that the command line's parser gives it.

    Raises BadOption for one that can't be meant.
    """
    given = {field.name: getattr(arguments, field.name) for field in dataclasses.fields(Options)}
    if given["memory"] is not None:
        given["memory"] = parse_bytes(given["memory"])
    if given["pids_limit"] is not None and given["pids_limit"] < 1:
        raise BadOption("not a number of processes", f"--pids-limit {given['pids_limit']}")
    if given["workdir"] is not None and not os.path.isabs(given["workdir"]):
        raise BadOption("the working directory must begin with /", f"-w {given['workdir']}")
    return Options(**given)


def ps(arguments: argparse.Namespace) -> int:
    """`minicontainer ps`: the containers that run, or all."""
    store = places.store()
    shown = [(one, records.status(one)) for one in all_containers(store)]
    shown = [(one, status) for one, status in shown if status != "stopped" or arguments.all]
    if arguments.quiet:
        for record, _ in shown:
            print(record["id"][:12])
    else:
        heads = ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "NAME"]
        print_table(heads, [_row(store, record, status) for record, status in shown])
    return 0


def _row(store: str, record: Record, status: str) -> list[str]:
    command = shorten(" ".join(records.command(store, record)), 30, placeholder=" …")
    shown = f"exited ({record['exit_status']})" if "exit_status" in record else status
    return [
        record["id"][:12],
        record["image"],
        command,
        ago(record["created"]),
        shown,
        record["name"],
    ]


def rm(arguments: argparse.Namespace) -> int:
    """`minicontainer rm`: remove containers; a running one only by force."""
    store = places.store()
    named = [records.find(store, text) for text in arguments.containers]
    running = [one["name"] for one in named if records.is_in_use(one)]
    if running and not arguments.force:
        hint = "minicontainer rm --force stops it first."
        raise MinicontainerError("the container is running", ", ".join(running), hint)
    root = runtime_root()
    engine.enter_mount_namespace()
    for record in named:
        engine.clean_up(store, root, {**record, "remove": True})
        print(record["name"])
    return 0


def sweep(store: str, ending: dict | None = None) -> None:
    """Remove what --rm would have removed, had command and monitor not been killed both.

    `ending` is the process that is about to end, whose container is not in use any more.
    """
    left = [one for one in all_containers(store) if one["remove"]]
    left = [one for one in left if one["owner"] == ending or not records.is_in_use(one)]
    if not left:
        return
    root = runtime_root()

    def remove() -> None:
        # silent: with --step, nobody may be there any more who presses Enter
        with explain.silence(), contextlib.suppress(MinicontainerError, OSError):
            engine.enter_mount_namespace()
            for record in left:
                engine.clean_up(store, root, record)

    # A child, because root of another user namespace can't become an ordinary user again.
    in_child(remove)


def parse_bytes(text: str) -> int:
    """Bytes: a number with b, k, m or g behind it, as docker's --memory. Raises BadOption."""
    match = re.fullmatch(r"(\d+)([bkmg]?)b?", text.strip().lower())
    if not match:
        raise BadOption("not an amount of memory", text, "like 64m or 1g")
    return int(match[1]) * _UNITS[match[2]]

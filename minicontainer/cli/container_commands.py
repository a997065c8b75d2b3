"""`minicontainer run`, `ps` and `rm`: from the words of the command line to the engine."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import re
from textwrap import shorten

from minicontainer.errors import ContainerError, MinicontainerError
from minicontainer.lib.processes import process_identity
from minicontainer.registry.mirror import pull_image
from minicontainer.step03_image.layout import create_layout, default_store
from minicontainer.step06_run import containers, engine
from minicontainer.step06_run.bundle import BadOption, Options, with_options
from minicontainer.step06_run.obtain import obtain
from minicontainer.step06_run.rootless import become_root

from .progress_bar import pull_progress
from .words import ago, parse_wanted, table

_UNITS = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def run(arguments: argparse.Namespace) -> int:
    """`minicontainer run`: the exit status of the container's process."""
    options = read_options(arguments)
    layout = create_layout(default_store())
    sweep(str(layout.path))
    reference, wanted = parse_wanted(arguments.image, arguments.platform)
    with pull_progress() as progress:
        manifest = obtain(
            layout,
            reference,
            wanted,
            lambda: pull_image(layout, reference, wanted, progress),
            arguments.pull,
        )
    settings = with_options(engine.image_config(layout, manifest), options).get("config", {})
    record = {
        "name": arguments.name,
        "image": reference.familiar,
        "manifest": manifest["digest"],
        "command": [*settings.get("Entrypoint", []), *settings.get("Cmd", [])],
        "remove": arguments.rm,
        "owner": process_identity(os.getpid()),
    }
    if not options.interactive:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        return engine.run_container(layout, manifest, record, options)
    except ContainerError as error:
        if error.where.startswith("/sys/fs/cgroup") and (options.memory or options.pids_limit):
            hint = "Run it as root, or leave them out."
            raise BadOption(
                f"no limits here: {error.what}", "--memory, --pids-limit", hint
            ) from None
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
    store = str(default_store())
    rows = []
    for record in containers.all_containers(store):
        status = containers.status(record)
        if status == "stopped" and not arguments.all:
            continue
        if arguments.quiet:
            print(record["id"][:12])
        command = shorten(" ".join(record["command"]), 30, placeholder=" …")
        created = ago(record["created"])
        shown = f"exited ({record['exit_status']})" if "exit_status" in record else status
        rows.append([record["id"][:12], record["image"], command, created, shown, record["name"]])
    if not arguments.quiet:
        table(["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "NAME"], rows)
    return 0


def rm(arguments: argparse.Namespace) -> int:
    """`minicontainer rm`: remove containers; a running one only by force."""
    store = str(default_store())
    wanted = [containers.find(store, text) for text in arguments.containers]
    running = [one["name"] for one in wanted if containers.is_in_use(one)]
    if running and not arguments.force:
        hint = "minicontainer rm --force stops it first."
        raise MinicontainerError("the container is running", ", ".join(running), hint)
    root = containers.runtime_root()
    become_root()
    for record in wanted:
        engine.clean_up(store, root, {**record, "remove": True})
        print(record["name"])
    return 0


def sweep(store: str) -> None:
    """Remove what --rm would have removed, had command and caretaker not been killed both."""
    left = [one for one in containers.all_containers(store) if one["remove"]]
    left = [one for one in left if not containers.is_in_use(one)]
    if not left:
        return
    root = containers.runtime_root()
    child = os.fork()
    if child == 0:
        # A child, because root of another user namespace can't become an ordinary user again.
        with contextlib.suppress(MinicontainerError, OSError):
            become_root()
            for record in left:
                engine.clean_up(store, root, record)
        os._exit(0)
    os.waitpid(child, 0)


def parse_bytes(text: str) -> int:
    """Bytes: a number with b, k, m or g behind it, as docker's --memory. Raises BadOption."""
    match = re.fullmatch(r"(\d+)([bkmg]?)b?", text.strip().lower())
    if not match:
        raise BadOption("not an amount of memory", text, "like 64m or 1g")
    return int(match[1]) * _UNITS[match[2]]

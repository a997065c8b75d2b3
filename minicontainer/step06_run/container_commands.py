"""`minicontainer run`, `ps` and `rm`: from the words of the command line to the engine."""

from __future__ import annotations

import argparse
import contextlib
import os
import re

from minicontainer.errors import MinicontainerError
from minicontainer.step02_runtime.state import identity
from minicontainer.step03_image.layout import create_layout, default_store

from . import containers, engine
from .bundle import BadOption, Options
from .images import obtain
from .progress import pull_progress
from .rootless import become_root
from .words import ago, parse_wanted, table

_UNITS = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def run(arguments: argparse.Namespace) -> int:
    """`minicontainer run`: the exit status of the container's process."""
    options = Options(
        arguments=arguments.arguments,
        entrypoint=arguments.entrypoint,
        env=arguments.env,
        workdir=arguments.workdir,
        user=arguments.user,
        hostname=arguments.hostname,
        volumes=arguments.volume,
        network=arguments.network,
        read_only=arguments.read_only,
        terminal=arguments.tty,
        interactive=arguments.interactive,
        memory=parse_bytes(arguments.memory) if arguments.memory else None,
        pids_limit=arguments.pids_limit,
    )
    layout = create_layout(default_store())
    sweep(str(layout.path))
    reference, wanted = parse_wanted(arguments.image, arguments.platform)
    with pull_progress() as progress:
        manifest = obtain(layout, reference, wanted, arguments.pull, progress)
    record = {
        "name": arguments.name,
        "image": reference.familiar,
        "manifest": manifest["digest"],
        "command": options.arguments,
        "remove": arguments.rm,
        "owner": identity(os.getpid()),
    }
    if not options.interactive:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    return engine.run_container(layout, manifest, record, options)


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
        command = " ".join(record["command"])[:30] or "(the image's)"
        created = ago(record["created"])
        shown = f"exited ({record['exit_status']})" if "exit_status" in record else status
        rows.append([record["id"][:12], record["image"], command, created, shown, record["name"]])
    if not arguments.quiet:
        table(["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "NAME"], rows)
    return 0


def rm(arguments: argparse.Namespace) -> int:
    """`minicontainer rm`: remove containers; a running one only by force."""
    store = str(default_store())
    doomed = [containers.find(store, text) for text in arguments.containers]
    running = [one["name"] for one in doomed if containers.is_in_use(one)]
    if running and not arguments.force:
        hint = "minicontainer rm --force stops it first."
        raise MinicontainerError("the container is running", ", ".join(running), hint)
    root = containers.runtime_root()
    become_root()
    for record in doomed:
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

"""What each command of `minirunc` does with what has been asked (minirunc_options.py).

Asking and answering only: what happens is in lifecycle.py, lifetime.py and exec.py.
Source: runc(8) and its pages; what podman and containerd call.
"""

from __future__ import annotations

import os
import sys

from minicontainer import __version__
from minicontainer.errors import ContainerError, MinicontainerError
from minicontainer.lib import log
from minicontainer.lib.default_config import OCI_VERSION, default_config
from minicontainer.lib.jsontext import dumps
from minicontainer.lib.processes import status_of
from minicontainer.lib.standard_files import drop_output
from minicontainer.step02_runtime import lifecycle
from minicontainer.step02_runtime.state import (
    default_root,
    list_containers,
    load,
    process_identity,
    state,
)

from .minirunc_options import help_text, parse


def run_command(argv: list[str]) -> int:
    """Do what the command line asks; 1 for a failure of ours, else the command's own status.

    `exec` fails with 255, as runc's, so that it differs from a program's 1.
    """
    asked: dict = {}
    try:
        asked = parse(argv)
        log.configure(asked.get("--log"), asked.get("--log-format", "text"))
        status = _answer(asked)
        sys.stdout.flush()
        return status
    except MinicontainerError as error:
        log.error(str(error))
        return 255 if asked.get("command") == "exec" else error.exit_status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        drop_output()
        return 141  # 128 + SIGPIPE, as a shell would say it
    except OSError as error:
        drop_output()
        where = error.filename or asked.get("command") or "standard output"
        log.error(f"{where}: {error.strerror or error}")
        return 1


def _answer(asked: dict) -> int:
    command = asked["command"]
    if asked.get("--help") or (command is None and "--version" not in asked):
        print(help_text(command))
        return 0 if "--help" in asked else 1
    if "--version" in asked:
        print(f"minirunc version {__version__}\nspec: {OCI_VERSION}")
        return 0
    act = globals()[f"_{command}"]
    return act(asked, asked.get("--root") or default_root(), *asked["operands"]) or 0


def _spec(asked: dict, _root: str) -> None:
    path = os.path.join(asked.get("--bundle", "."), "config.json")
    import json

    text = json.dumps(default_config("--rootless" in asked), indent="\t") + "\n"
    try:
        with open(path, "x") as file:
            file.write(text)
    except FileExistsError:
        raise ContainerError("exists already", path, "remove it first") from None


def _create(asked: dict, root: str, id: str) -> None:
    lifecycle.create(root, id, asked.get("--bundle", "."), **_process_options(asked))


def _run(asked: dict, root: str, id: str) -> int:
    bundle, options = asked.get("--bundle", "."), _process_options(asked)
    if "--detach" in asked:
        return _run_detached(root, id, bundle, options)
    if "console_socket" in options:
        raise ContainerError("--console-socket goes with --detach: here the terminal is ours")
    return _run_in_foreground(root, id, bundle, options)


def _run_detached(root: str, id: str, bundle: str, options: dict) -> int:
    """create and start; when one of them fails, nothing is left. 0."""
    lifecycle.create(root, id, bundle, **options)
    try:
        lifecycle.start(root, id)
    except BaseException:
        lifecycle.delete(root, id, force=True)
        raise
    return 0


def _run_in_foreground(root: str, id: str, bundle: str, options: dict) -> int:
    """The whole life of a container; the exit status of its program.

    The container dies with us, and is removed, however we end. Raises ContainerError.
    """
    from minicontainer.step06_run.lifetime import run_bundle  # for this command only
    from minicontainer.step06_run.monitor import start_monitor

    us = process_identity(os.getpid())

    def clean() -> None:
        try:
            made_by_us = load(root, id)["creator"] == us  # the id may be somebody else's
        except ContainerError:
            return  # gone: run_bundle has deleted it
        if made_by_us:
            lifecycle.delete(root, id, force=True)

    monitor = start_monitor(clean)  # for kill -9
    try:
        return run_bundle(root, id, bundle, terminal=True, **options)
    finally:
        monitor.dismiss()


def _start(_asked: dict, root: str, id: str) -> None:
    lifecycle.start(root, id)


def _kill(asked: dict, root: str, id: str, signal: str = "TERM") -> None:
    lifecycle.kill(root, id, signal, "--all" in asked)


def _delete(asked: dict, root: str, id: str) -> None:
    lifecycle.delete(root, id, "--force" in asked)


def _pause(_asked: dict, root: str, id: str) -> None:
    lifecycle.pause(root, id)


def _resume(_asked: dict, root: str, id: str) -> None:
    lifecycle.resume(root, id)


def _exec(asked: dict, root: str, id: str, *args: str) -> int:
    from .exec import exec_process, process_from_options

    record = load(root, id)
    wanted = process_from_options(record, asked, list(args))
    options = _process_options(asked)
    return exec_process(root, record, wanted, detach="--detach" in asked, **options)


def _state(_asked: dict, root: str, id: str) -> None:
    import json

    print(json.dumps(state(root, id), indent=2))


def _list(asked: dict, root: str) -> None:
    containers = list_containers(root)
    if "--quiet" in asked:
        for container in containers:
            print(container["id"])
    elif asked.get("--format") == "json":
        print(dumps(containers))
    else:
        keys = ["id", "pid", "status", "bundle", "created", "owner"]
        rows = [[str(container[key]) for key in keys] for container in containers]
        _print_table([key.upper() for key in keys], rows)


def _ps(asked: dict, root: str, id: str) -> None:
    pids = lifecycle.processes(load(root, id))
    if asked.get("--format") == "json":
        print(dumps(pids))
    else:
        _print_table(["UID", "PID", "PPID", "COMMAND"], [_describe(pid) for pid in pids])


def _describe(pid: int) -> list[str]:
    """What a table says of a process. Source: proc_pid_status(5), proc_pid_cmdline(5)."""
    try:
        fields = status_of(pid)
        with open(f"/proc/{pid}/cmdline") as file:
            command = file.read().replace("\0", " ").strip()
    except OSError:
        return ["", str(pid), "", "(has ended)"]
    return [fields["Uid"].split()[0], str(pid), fields["PPid"], command or f"[{fields['Name']}]"]


def _print_table(head: list[str], rows: list[list[str]]) -> None:
    from minicontainer.lib.tables import print_table  # for people only, who list seldom

    print_table(head, rows)


def _process_options(asked: dict) -> dict:
    number = asked.get("--preserve-fds", "0")
    if not number.isdecimal():
        raise ContainerError(f"--preserve-fds needs a number, not {number!r}")
    options = {
        "pid_file": asked.get("--pid-file"),
        "console_socket": asked.get("--console-socket"),
        "preserve_fds": int(number),
    }
    return {name: value for name, value in options.items() if value}

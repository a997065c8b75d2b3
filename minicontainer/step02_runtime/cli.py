"""The command `minirunc`: a container runtime with runc's commands and options.

Everything here is asking and answering; what happens is in lifecycle.py.
Source: runc(8) and its pages; what podman and containerd call.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

from minicontainer import __version__
from minicontainer.errors import MinicontainerError

from . import lifecycle, log
from .errors import ContainerError
from .spec import OCI_VERSION, default_config
from .state import default_root, list_containers, load, state

_EPILOG = """\
examples:
  minirunc spec                    write a config.json to start from
  minirunc run -b BUNDLE NAME      create, start, wait, delete
  minirunc create -b BUNDLE NAME   make the container; its program waits
  minirunc start NAME              let the program go
  minirunc state NAME              the state as JSON
  minirunc kill NAME KILL; minirunc delete NAME

A bundle is a directory with config.json and a root filesystem (OCI runtime-spec).
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command; its exit status: 1 for a failure of ours, else the command's own."""
    arguments = build_parser().parse_args(argv)
    log.configure(arguments.log, arguments.log_format)
    try:
        return arguments.act(arguments) or 0
    except MinicontainerError as error:
        log.error(str(error))
        return 255 if arguments.command == "exec" else error.exit_status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except OSError as error:
        log.error(f"{error.filename or arguments.command}: {error.strerror or error}")
        return 1


def build_parser() -> argparse.ArgumentParser:
    """All commands and options, with their help texts."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="minirunc",
        description="Run containers from bundles, as the OCI runtime-spec says.",
        epilog=_EPILOG,
        formatter_class=raw,
    )
    _add_global_options(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(act, text: str, *examples: str) -> argparse.ArgumentParser:
        name = act.__name__.strip("_")
        added = commands.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog="examples:\n  " + "\n  ".join(examples),
            formatter_class=raw,
        )
        added.set_defaults(act=act)
        return added

    _add_making(command)
    _add_living(command)
    _add_looking(command)
    return parser


def _add_global_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    place = "where the state of containers is kept (default: %(default)s)"
    add("--root", default=default_root(), metavar="DIR", help=place)
    add("--log", metavar="FILE", help="append errors and warnings to FILE too")
    shape = "how they are written there (default: %(default)s)"
    add("--log-format", choices=("text", "json"), default="text", help=shape)
    version = f"minirunc version {__version__}\nspec: {OCI_VERSION}"
    parser.add_argument("-v", "--version", action=_ShowVersion, nargs=0, help=version)
    # engines pass these; they change nothing here
    add("--debug", action="store_true", help=argparse.SUPPRESS)
    add("--systemd-cgroup", action="store_true", help=argparse.SUPPRESS)
    add("--rootless", help=argparse.SUPPRESS)
    add("--cgroup-manager", help=argparse.SUPPRESS)


def _add_making(command) -> None:
    spec = command(_spec, "write a config.json to start from", "minirunc spec --rootless -b BUNDLE")
    spec.add_argument("--rootless", action="store_true", help="one that an ordinary user can run")
    spec.add_argument("-b", "--bundle", default=".", metavar="DIR", help="where to write it")
    create = command(
        _create,
        "make a container; its program waits for `start`",
        "minirunc create -b BUNDLE web",
        "minirunc state web",
        "minirunc start web",
    )
    _add_bundle_options(create)
    run = command(
        _run,
        "create, start, wait for the end, delete",
        "minirunc run -b BUNDLE web",
        "minirunc run -d -b BUNDLE web </dev/null",
    )
    run.add_argument("-d", "--detach", action="store_true", help="do not wait; keep the container")
    _add_bundle_options(run)


def _add_living(command) -> None:
    start = command(_start, "let the program of a created container run", "minirunc start web")
    _add_id(start)
    kill = command(
        _kill,
        "send a signal to a container",
        "minirunc kill web",
        "minirunc kill web KILL",
        "minirunc kill --all web 9",
    )
    kill.add_argument("-a", "--all", action="store_true", help="to every process in it")
    _add_id(kill)
    kill.add_argument("signal", nargs="?", default="TERM", metavar="SIGNAL", help="default: TERM")
    delete = command(
        _delete,
        "remove a stopped container",
        "minirunc delete web",
        "minirunc delete --force web",
    )
    delete.add_argument("-f", "--force", action="store_true", help="kill it first if it runs")
    _add_id(delete)
    pause = command(_pause, "stop every process of a container where it is", "minirunc pause web")
    _add_id(pause)
    resume = command(_resume, "let a paused container go on", "minirunc resume web")
    _add_id(resume)
    _add_exec(command)


def _add_exec(command) -> None:
    examples = (
        "minirunc exec web ps",
        "minirunc exec -t web sh",
        "minirunc exec -u 1000:1000 web id",
    )
    added = command(_exec, "run one more process in a container", *examples)
    add = added.add_argument
    add("-t", "--tty", action="store_true", help="give it a terminal")
    add("-d", "--detach", action="store_true", help="do not wait for it")
    add("-p", "--process", metavar="FILE", help="read all of it from FILE, JSON as in config.json")
    add("-e", "--env", action="append", default=[], metavar="NAME=VALUE", help="set a variable")
    add("--cwd", metavar="DIR", help="its working directory")
    add("-u", "--user", metavar="UID[:GID]", help="who it is")
    add("--cap", "-c", action="append", default=[], metavar="CAP", help="add a capability")
    add("--no-new-privs", action="store_true", help="it shall gain no privileges by execve")
    _add_process_options(added)
    _add_id(added)
    add("args", nargs=argparse.REMAINDER, metavar="COMMAND", help="program and arguments")


def _add_looking(command) -> None:
    state = command(_state, "print the state of a container as JSON", "minirunc state web")
    _add_id(state)
    listing = command(
        _list,
        "list containers",
        "minirunc list",
        "minirunc list -q",
        "minirunc list --format json",
    )
    listing.add_argument("-q", "--quiet", action="store_true", help="only their ids")
    formats = {"choices": ("table", "json"), "default": "table"}
    listing.add_argument("-f", "--format", **formats, help="default: table")
    ps = command(
        _ps,
        "list the processes in a container",
        "minirunc ps web",
        "minirunc ps --format json web",
    )
    ps.add_argument("-f", "--format", **formats, help="json: only the pids (default: table)")
    _add_id(ps)


def _add_bundle_options(parser: argparse.ArgumentParser) -> None:
    text = "directory with config.json and the root filesystem (default: here)"
    parser.add_argument("-b", "--bundle", default=".", metavar="DIR", help=text)
    _add_process_options(parser)
    parser.add_argument("--no-pivot", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--no-new-keyring", action="store_true", help=argparse.SUPPRESS)
    _add_id(parser)


def _add_process_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--pid-file", metavar="FILE", help="write the process's pid to FILE")
    add("--console-socket", metavar="SOCKET", help="send the terminal to who listens at SOCKET")
    add("--preserve-fds", type=int, default=0, metavar="N", help="keep N open files after 0, 1, 2")


def _add_id(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the container's name")


class _ShowVersion(argparse.Action):
    """--version: print the two lines that engines read."""

    def __call__(self, parser, *_) -> None:
        print(self.help)
        parser.exit()


def _spec(asked: argparse.Namespace) -> None:
    path = os.path.join(asked.bundle, "config.json")
    text = json.dumps(default_config(asked.rootless), indent="\t") + "\n"
    try:
        with open(path, "x") as file:
            file.write(text)
    except FileExistsError:
        raise ContainerError("exists already", path, "remove it first") from None


def _create(asked: argparse.Namespace) -> None:
    lifecycle.create(asked.root, asked.id, asked.bundle, **_process_options(asked))


def _run(asked: argparse.Namespace) -> int:
    from .foreground import run

    if asked.console_socket and not asked.detach:
        raise ContainerError("--console-socket goes with --detach: here the terminal is ours")
    options = _process_options(asked)
    return run(asked.root, asked.id, asked.bundle, detach=asked.detach, **options)


def _start(asked: argparse.Namespace) -> None:
    lifecycle.start(asked.root, asked.id)


def _kill(asked: argparse.Namespace) -> None:
    lifecycle.kill(asked.root, asked.id, asked.signal, asked.all)


def _delete(asked: argparse.Namespace) -> None:
    lifecycle.delete(asked.root, asked.id, asked.force)


def _pause(asked: argparse.Namespace) -> None:
    lifecycle.pause(asked.root, asked.id)


def _resume(asked: argparse.Namespace) -> None:
    lifecycle.resume(asked.root, asked.id)


def _exec(asked: argparse.Namespace) -> int:
    from .exec import exec_process, process_from_options

    wanted = process_from_options(load(asked.root, asked.id), asked)
    options = _process_options(asked)
    return exec_process(asked.root, asked.id, wanted, detach=asked.detach, **options)


def _state(asked: argparse.Namespace) -> None:
    print(json.dumps(state(asked.root, asked.id), indent=2))


def _list(asked: argparse.Namespace) -> None:
    containers = list_containers(asked.root)
    if asked.quiet:
        for container in containers:
            print(container["id"])
    elif asked.format == "json":
        print(json.dumps(containers))
    else:
        keys = ("id", "pid", "status", "bundle", "created", "owner")
        _print_table([[str(container[key]) for key in keys] for container in containers], keys)


def _ps(asked: argparse.Namespace) -> None:
    pids = lifecycle.processes(load(asked.root, asked.id))
    if asked.format == "json":
        print(json.dumps(pids))
    else:
        _print_table([_describe(pid) for pid in pids], ("uid", "pid", "ppid", "command"))


def _describe(pid: int) -> list[str]:
    """What a table says of a process. Source: proc_pid_status(5), proc_pid_cmdline(5)."""
    try:
        with open(f"/proc/{pid}/status") as file:
            fields = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        with open(f"/proc/{pid}/cmdline") as file:
            command = file.read().replace("\0", " ").strip()
    except OSError:
        return ["", str(pid), "", "(has ended)"]
    return [fields["Uid"].split()[0], str(pid), fields["PPid"], command or f"[{fields['Name']}]"]


def _print_table(rows: list[list[str]], keys: tuple[str, ...]) -> None:
    lines = [[key.upper() for key in keys], *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(keys))]
    for line in lines:
        print(
            "   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        )


def _process_options(asked: argparse.Namespace) -> dict:
    return {
        "pid_file": asked.pid_file,
        "console_socket": asked.console_socket,
        "preserve_fds": asked.preserve_fds,
    }


if __name__ == "__main__":
    sys.exit(main())

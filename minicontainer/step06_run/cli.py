"""The command `minicontainer`: what docker does with images and containers, step by step.

`--mine` puts the learner's functions in the place of ours, and must do so
before the steps are imported: so every command is imported only when it runs.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from minicontainer import __version__, explain, narrate
from minicontainer.errors import MinicontainerError

EPILOG = """\
examples:
  minicontainer run workshop/hello              the kit's own image, no network needed
  minicontainer run -it --rm workshop/shell     a shell in a container
  minicontainer run --explain workshop/hello    every step of it, as it happens
  minicontainer pull nginx:1.27                 from docker.io, as docker does
  minicontainer unpack workshop/shell ./rootfs  only the files

Images are kept in $XDG_DATA_HOME/minicontainer (~/.local/share/minicontainer).
"""

#: command -> (module, function): imported when the command runs
_COMMANDS = {
    "run": ("container_commands", "run"),
    "ps": ("container_commands", "ps"),
    "rm": ("container_commands", "rm"),
    "pull": ("image_commands", "pull"),
    "images": ("image_commands", "images"),
    "inspect": ("image_commands", "inspect"),
    "rmi": ("image_commands", "rmi"),
    "tags": ("image_commands", "tags"),
    "unpack": ("image_commands", "unpack"),
    "registry": ("registry_commands", "serve"),
    "demo": ("demo", "play"),
}
#: commands with a parser of their own, elsewhere in the package
_ELSEWHERE = {
    "chroot-demo": ("minicontainer.step01_chroot.demo", "main"),
    "graph": ("minicontainer.pictures.cli", "graph_main"),
    "storage": ("minicontainer.pictures.cli", "storage_main"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv`; returns the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    narrator, command = None, ""
    try:
        if words[:1] == ["--mine"]:
            words = words[1:]
            use_own_functions()
        if words and words[0] in _ELSEWHERE:
            module, function = _ELSEWHERE[words[0]]
            return getattr(importlib.import_module(module), function)(words[1:])
        arguments = parser().parse_args(words)
        if arguments.explain or arguments.step:
            narrator = narrate.listen(arguments.step)
        command = arguments.command
        module, function = _COMMANDS[command]
        status = getattr(importlib.import_module(f"{__package__}.{module}"), function)(arguments)
        sys.stdout.flush()
        return status
    except MinicontainerError as error:
        print(f"minicontainer: {error}", file=sys.stderr)
        return exit_status(error, command)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nobody reads: let the last flush succeed
        return 141
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"minicontainer: {place}{error.strerror or error}", file=sys.stderr)
        return exit_status(error, command)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if not (told := blame_of_own_functions(error)):
            raise
        print(f"minicontainer: {told}", file=sys.stderr)
        return exit_status(error, command)
    finally:
        if narrator is not None:
            narrator.finish()
            explain.listener = None


def exit_status(error: Exception, command: str) -> int:
    """The status for a failure: 1, but as docker's for `run`: 125, 126 or 127."""
    if command != "run":
        return 1
    kinds = importlib.import_module("minicontainer.step02_runtime.errors")
    if isinstance(error, kinds.ProgramNotFound):
        return 127
    return 126 if isinstance(error, kinds.ProgramNotExecutable) else 125


def use_own_functions() -> None:
    """Put the learner's functions in the place of ours, and say whose each is."""
    overlay = importlib.import_module("minicontainer.workshop.overlay")
    print(overlay.install_mine(), file=sys.stderr)


def blame_of_own_functions(error: Exception) -> str:
    """With --mine: which of the learner's functions failed, and on which of its lines."""
    overlay = sys.modules.get("minicontainer.workshop.overlay")
    return overlay.blame(error) if overlay else ""


def parser() -> argparse.ArgumentParser:
    """The whole command line; each command's part is a function below."""
    whole = argparse.ArgumentParser(
        prog="minicontainer",
        description="Pull, unpack and run container images: a container engine to read.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action="version", version=f"minicontainer {__version__}")
    whole.add_argument(
        "--mine", action="store_true", help="use your own functions from labs/ (before all else)"
    )
    _add_explain(whole, default=False)
    commands = whole.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for add in (_run, _images, _containers, _others):
        add(commands)
    for name, text in (
        ("chroot-demo", "play step 1: a root filesystem, chroot, and how to break out of it"),
        ("graph", "draw an image: index, manifests, config, layers"),
        ("storage", "draw a registry's directory: links and blobs"),
    ):
        commands.add_parser(name, help=text, add_help=False)
    return whole


def _add_explain(command: argparse.ArgumentParser, default: object = argparse.SUPPRESS) -> None:
    command.add_argument(
        "--explain", action="store_true", default=default, help="tell every step as it is done"
    )
    command.add_argument(
        "--step", action="store_true", default=default, help="like --explain, Enter goes on"
    )


def _command(commands, name: str, text: str, **more) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:], **more)
    _add_explain(command)
    return command


def _run(commands) -> None:
    run = _command(
        commands,
        "run",
        "run a command in a new container",
        usage="minicontainer run [OPTIONS] IMAGE [COMMAND [ARGUMENT…]]",
        epilog="Exit status: the command's own; 128+N if signal N ended it; 127 if the image has "
        "no such command, 126 if it can't be run, 125 if minicontainer itself failed.",
    )
    add = run.add_argument
    add("image", metavar="IMAGE")
    add("arguments", metavar="COMMAND", nargs=argparse.REMAINDER, help="instead of the image's Cmd")
    add("--rm", action="store_true", help="remove the container when it ends")
    add("-i", "--interactive", action="store_true", help="keep standard input open")
    add("-t", "--tty", action="store_true", help="give it a terminal")
    add("-e", "--env", action="append", default=[], metavar="NAME[=VALUE]", help="set a variable")
    add("-v", "--volume", action="append", default=[], metavar="SRC:DST[:ro]", help="bind mount")
    add("-w", "--workdir", metavar="DIR", help="working directory")
    add("-u", "--user", metavar="USER[:GROUP]", help="name or number")
    add("--entrypoint", metavar="COMMAND", help="instead of the image's Entrypoint")
    add("--name", default="", help="a name for the container")
    add("--hostname", help="its host name; default: the short id")
    add(
        "--network",
        choices=("none", "host"),
        default="none",
        help="none: only its own loopback (default); host: the machine's network",
    )
    add("--read-only", action="store_true", help="make its root filesystem read only")
    add("-m", "--memory", metavar="BYTES", help="memory limit: 64m, 1g …")
    add("--pids-limit", type=int, metavar="N", help="how many processes it may have")
    add("--pull", choices=("missing", "always", "never"), default="missing")
    _platform(run)


def _images(commands) -> None:
    pull = _command(commands, "pull", "bring an image from its registry into the store")
    pull.add_argument("image", metavar="IMAGE")
    pull.add_argument("-q", "--quiet", action="store_true", help="print only the image's name")
    _platform(pull)
    images = _command(commands, "images", "list the images in the store")
    images.add_argument("-q", "--quiet", action="store_true", help="only digests")
    images.add_argument("--digests", action="store_true", help="whole digests")
    inspect = _command(commands, "inspect", "print an image's config, or a container, as JSON")
    inspect.add_argument("names", metavar="NAME", nargs="+")
    _platform(inspect)
    rmi = _command(commands, "rmi", "remove images from the store")
    rmi.add_argument("images", metavar="IMAGE", nargs="+")
    tags = _command(commands, "tags", "list the tags of a repository, as its registry tells them")
    tags.add_argument("image", metavar="REPOSITORY")
    unpack = _command(commands, "unpack", "write an image's root filesystem into a new directory")
    unpack.add_argument("source", metavar="SOURCE", help="an image in the store, or oci:DIR:TAG")
    unpack.add_argument("directory", metavar="DIR")
    _platform(unpack)


def _containers(commands) -> None:
    ps = _command(commands, "ps", "list containers")
    ps.add_argument("-a", "--all", action="store_true", help="also those that have ended")
    ps.add_argument("-q", "--quiet", action="store_true", help="only ids")
    rm = _command(commands, "rm", "remove containers")
    rm.add_argument("containers", metavar="CONTAINER", nargs="+")
    rm.add_argument("-f", "--force", action="store_true", help="stop a running one first")


def _others(commands) -> None:
    registry = _command(commands, "registry", "serve the kit's own images as a registry does")
    registry.add_argument("action", choices=("serve",))
    registry.add_argument("--port", type=int, default=5000, help="default 5000; 0: any free one")
    registry.add_argument("--layout", metavar="DIR", help="serve this OCI image layout instead")
    demo = _command(commands, "demo", "play pull, unpack and run on the kit's own images, offline")
    demo.add_argument("acts", metavar="ACT", nargs="*", help="names of acts, or numbers of steps")
    demo.add_argument("--auto", type=float, metavar="SECONDS", help="go on by itself")


def _platform(command: argparse.ArgumentParser) -> None:
    command.add_argument("--platform", metavar="OS/ARCH[/VARIANT]", help="default: this machine's")


if __name__ == "__main__":
    sys.exit(main())

"""What has been asked of `minicontainer`? Its commands and options, and their help."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from minicontainer import __version__

EPILOG = """\
examples:
  minicontainer run workshop/hello              the kit's own image, no network needed
  minicontainer run -it --rm workshop/shell     a shell in a container
  minicontainer run --explain workshop/hello    every step of it, as it happens
  minicontainer pull nginx:1.27                 from docker.io, as docker does
  minicontainer unpack workshop/shell ./rootfs  only the files

Images are kept in $XDG_DATA_HOME/minicontainer (~/.local/share/minicontainer).
"""

RUN_EPILOG = """\
examples:
  minicontainer run --rm workshop/shell ls -l /
  minicontainer run -it --rm -v "$PWD:/data" -w /data workshop/shell
  minicontainer run --rm --network host -e PORT=8080 nginx

Exit status: the command's own; 128 + N if signal N ended it; 127 if the image has no
such command, 126 if it can't be run, 125 if minicontainer itself failed.
"""

GRAPH_EPILOG = """\
An IMAGE is a reference (from the store, else from its registry, whose layers are not
pulled), oci:DIRECTORY:TAG, or the directory of an OCI layout.
"""


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line, with where to read more."""

    #: what a wrong command line exits with
    status = 2

    def error(self, message: str) -> NoReturn:
        """Print `message` and end the program."""
        self.exit(self.status, f"minicontainer: {message}\n  {self.prog} --help tells more.\n")


def parser() -> argparse.ArgumentParser:
    """The whole command line; each command's part is a function below."""
    whole = Parser(
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
    for add in (_run, _images, _containers, _others, _pictures):
        add(commands)
    return whole


def _add_explain(command: argparse.ArgumentParser, default: object = argparse.SUPPRESS) -> None:
    command.add_argument(
        "--explain", action="store_true", default=default, help="tell every step as it is done"
    )
    command.add_argument(
        "--step", action="store_true", default=default, help="like --explain, Enter goes on"
    )


def _command(commands, name: str, text: str, **more) -> Parser:
    about = f"{text[0].upper()}{text[1:]}."
    command: Parser = commands.add_parser(
        name,
        help=text,
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **more,
    )
    command.set_defaults(parser=command)
    _add_explain(command)
    return command


def _run(commands) -> None:
    run = _command(
        commands,
        "run",
        "run a command in a new container",
        usage="minicontainer run [OPTIONS] IMAGE [COMMAND [ARGUMENT…]]",
        epilog=RUN_EPILOG,
    )
    run.status = 125
    add = run.add_argument
    add("image", metavar="IMAGE", help="its name; pulled if it is not in the store")
    command = add("arguments", metavar="COMMAND", nargs=argparse.REMAINDER)
    command.required, command.help = False, "what to run instead of the image's Cmd"
    add("--rm", action="store_true", help="remove the container when it ends")
    add("-i", "--interactive", action="store_true", help="keep standard input open")
    add("-t", "--tty", dest="terminal", action="store_true", help="give it a terminal")
    _settings(run)
    add(
        "--pull",
        choices=("missing", "always", "never"),
        default="missing",
        help="when to ask the registry: only if the image is missing (default), always, never",
    )
    _platform(run)


def _settings(run: Parser) -> None:
    """The options of `run` that change what the container gets."""
    add = run.add_argument
    several: dict[str, Any] = {"action": "append", "default": []}
    add("-e", "--env", **several, metavar="NAME[=VALUE]", help="set a variable")
    add("-v", "--volume", **several, dest="volumes", metavar="SRC:DST[:ro]", help="bind mount")
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


def _images(commands) -> None:
    pull = _command(commands, "pull", "bring an image from its registry into the store")
    pull.add_argument("image", metavar="IMAGE", help="like nginx, nginx:1.27 or host:5000/name")
    pull.add_argument("-q", "--quiet", action="store_true", help="print only the image's name")
    _platform(pull)
    images = _command(commands, "images", "list the images in the store")
    images.add_argument("-q", "--quiet", action="store_true", help="only digests")
    images.add_argument("--digests", action="store_true", help="whole digests")
    inspect = _command(commands, "inspect", "print an image's config, or a container, as JSON")
    inspect.add_argument("names", metavar="NAME", nargs="+", help="images or containers")
    _platform(inspect)
    rmi = _command(commands, "rmi", "remove images from the store")
    rmi.add_argument("images", metavar="IMAGE", nargs="+", help="names in the store")
    tags = _command(commands, "tags", "list the tags of a repository, as its registry tells them")
    tags.add_argument("image", metavar="REPOSITORY", help="an image's name without its tag")
    unpack = _command(commands, "unpack", "write an image's root filesystem into a new directory")
    unpack.add_argument("source", metavar="SOURCE", help="an image in the store, or oci:DIR:TAG")
    unpack.add_argument("directory", metavar="DIR", help="must not exist, or be empty")
    _platform(unpack)


def _containers(commands) -> None:
    ps = _command(commands, "ps", "list containers")
    ps.add_argument("-a", "--all", action="store_true", help="also those that have ended")
    ps.add_argument("-q", "--quiet", action="store_true", help="only ids")
    rm = _command(commands, "rm", "remove containers")
    rm.add_argument("containers", metavar="CONTAINER", nargs="+", help="names or ids")
    rm.add_argument("-f", "--force", action="store_true", help="stop a running one first")


def _others(commands) -> None:
    registry = _command(commands, "registry", "serve the kit's own images as a registry does")
    actions = registry.add_subparsers(dest="action", metavar="serve", required=True)
    serve = _command(actions, "serve", "serve them on 127.0.0.1 until Ctrl-C")
    serve.add_argument("--port", type=int, default=5000, help="default 5000; 0: any free one")
    serve.add_argument("--layout", metavar="DIR", help="serve this OCI image layout instead")
    demo = _command(commands, "demo", "play pull, unpack and run on the kit's own images, offline")
    demo.add_argument("acts", metavar="ACT", nargs="*", help="names of acts, or numbers of steps")
    demo.add_argument("--auto", type=float, metavar="SECONDS", help="go on by itself")
    text = "play step 1: a root filesystem, chroot, and how to break out of it"
    _command(commands, "chroot-demo", text).set_defaults(explain=True)


def _pictures(commands) -> None:
    text = "draw images: reference, index, manifests, config, layers, and what they share"
    graph = _command(commands, "graph", text, epilog=GRAPH_EPILOG)
    graph.add_argument("images", metavar="IMAGE", nargs="+", help="see below")
    graph.add_argument("--platform", help="draw this platform only, as linux/arm64")
    files = "write to FILE: a picture (.svg, .dot, .png), or a page to click on (.html)"
    graph.add_argument("-o", "--output", metavar="FILE", help=files)
    text = "draw a registry's storage: which link points to which blob, and what has none"
    storage = _command(commands, "storage", text)
    storage.add_argument("path", metavar="PATH", help="a directory, or an address as s3://BUCKET")
    storage.add_argument("--beside", metavar="LAYOUT", help="an OCI layout to draw beside it")
    storage.add_argument("--repository", metavar="NAME", help="draw this repository only")
    files = "write the picture to FILE: .svg, .dot or .png"
    storage.add_argument("-o", "--output", metavar="FILE", help=files)


def _platform(command: argparse.ArgumentParser) -> None:
    command.add_argument("--platform", metavar="OS/ARCH[/VARIANT]", help="default: this machine's")

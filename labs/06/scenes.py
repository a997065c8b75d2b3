"""What lab 06 shows: how the parts become `docker run`.

The overlay is a real one, mounted and thrown away in namespaces of its own; what
becomes of a command line is worked out by the package itself. Paths are left out.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import shlex
import subprocess
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

from minicontainer.pictures.drawing import Picture, Sketch
from minicontainer.pictures.mounts import overlay_layers
from minicontainer.pictures.runtime import lifecycle as lifecycle
from minicontainer.pictures.way import way as way
from minicontainer.step06_run.bundle import Options, with_options
from minicontainer.step06_run.bundle import bundle_from_image as bundle_from_image
from minicontainer.workshop.labs.exercises import undescribed
from minicontainer.workshop.samples.small_images import Sample, file, tar
from minicontainer.workshop.scenes import run, transcript, without_other_labs

_IMAGE = {"Entrypoint": ["/init"], "Cmd": ["serve"]}
_OVERLAY = """\
options=lowerdir=image,upperdir=upper,workdir=work,userxattr
mount -t overlay -o $options overlay rootfs
ls rootfs/etc
echo hello > rootfs/new; rm rootfs/etc/motd
ls rootfs/etc
ls image/etc
find upper -mindepth 1 -printf '%M %P\\n' | sort -k2
"""
#: what a container does to the image's files in the picture
_WRITES = "echo hello > rootfs/new; echo 2 > rootfs/etc/version"


@contextlib.contextmanager
def _place() -> Iterator[Path]:
    """A directory with an image's tree, and what an overlay needs beside it."""
    with tempfile.TemporaryDirectory(prefix="lab06-") as name:
        place = Path(name)
        for directory in ("image/etc", "upper", "work", "rootfs"):
            (place / directory).mkdir(parents=True)
        (place / "image/etc/motd").write_text("welcome\n")
        (place / "image/etc/version").write_text("1\n")
        yield place


def _in_namespaces(script: str, place: Path) -> str:
    """What a script prints as root of a user namespace, with mounts of its own."""
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec", script]
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True, check=True
    )
    subprocess.run(["chmod", "-R", "u+rwx", "work"], cwd=place, check=True)
    return done.stdout


def overlay() -> str:
    """An overlay, command by command."""
    lines = _OVERLAY.splitlines()
    script = "\n".join(f"printf '%s\\n' {shlex.quote(f'$ {line}')}\n{line}" for line in lines)
    with _place() as place:
        return _in_namespaces(script, place)


def overlay_picture() -> Picture:
    """The same directories, one upon the other."""
    options = "lowerdir=image,upperdir=upper,workdir=work,userxattr"
    with _place() as place:
        _in_namespaces(f"mount -t overlay overlay -o {options} rootfs\n{_WRITES}", place)
        with contextlib.chdir(place):
            return overlay_layers(["image"], "upper", "rootfs")


def commands() -> str:
    """What runs for which command line, if the image has an Entrypoint and a Cmd."""
    image = {"architecture": "amd64", "os": "linux", "config": _IMAGE}
    rows = [("you type", "what runs")]
    for typed, options in (
        ("run IMAGE", Options()),
        ("run IMAGE ls -l", Options(arguments=["ls", "-l"])),
        ("run --entrypoint sh IMAGE", Options(entrypoint="sh")),
        ("run --entrypoint sh IMAGE -c ls", Options(entrypoint="sh", arguments=["-c", "ls"])),
        ('run --entrypoint "" IMAGE ls', Options(entrypoint="", arguments=["ls"])),
    ):
        settings = with_options(image, options)["config"]  # type: ignore[arg-type]
        rows.append((typed, " ".join([*settings["Entrypoint"], *settings["Cmd"]])))
    return "\n".join(f"{typed:<34}{runs}" for typed, runs in rows)


def body_of(function: FunctionType) -> str:
    """The code of a function of ours, without its signature and docstring."""
    body = undescribed(inspect.getsource(function)).split(":\n", 1)[1]
    return textwrap.dedent(body)


def by_hand() -> None:
    """`docker run` by hand, from the commands of the earlier labs, each shown with its output."""
    steps = (
        "minicontainer pull -q workshop/shell",
        "minicontainer unpack workshop/shell rootfs",
        "minirunc spec --rootless",
        """sed -i 's/"terminal": true/"terminal": false/' config.json""",
        "ls",
        # a state directory of its own, for another notebook may run c1 at this moment
        "echo 'echo pid $$; head -1 /etc/os-release' | minirunc --root state run c1",
    )
    with tempfile.TemporaryDirectory(prefix="lab06-") as place:
        for command in steps:
            print(f"$ {command}\n{run(command, Path(place))[0]}", end="")


def mine(command: str) -> None:
    """A command of ours with your functions; of the list whose they are, this lab's part stays."""
    shown = without_other_labs("06", run(command, Path())[0])
    print(f"$ {command}\n{shown}", end="")


def monitor() -> Picture:
    """Who waits for whom while a container runs."""
    sketch = Sketch(ranksep="1.3", nodesep=".35")
    command = sketch.node("process", ["minicontainer run", "has the writing end"])
    inside = sketch.node("layer", ["the container's", "process 1"])
    keeper = sketch.node("shared", ["the monitor", "reads, and waits"])
    after = sketch.node("quiet", ["clean_up:", "process, state, files"])
    sketch.edge(command, inside, "starts, waits")
    sketch.edge(command, keeper, "fork; a pipe")
    sketch.edge(keeper, after, "end of the pipe")
    return sketch.picture(
        "minicontainer run starts the container's process and waits for it. It has also forked"
        " the monitor, with a pipe between them. When the pipe ends, since the command is"
        " done or was killed, the monitor cleans up."
    )


def engine() -> Picture:
    """What run_container calls, in which order, and what goes from one to the next."""
    sketch = Sketch(ranksep=".35", nodesep=".2")
    first = sketch.node("quiet", ["enter_mount_namespace", "new_container"])
    keeper = sketch.node("shared", ["start_monitor", "dismiss at the end"])
    tree = sketch.node("layer", ["image_tree", "snapshot"])
    bundle = sketch.node("config", ["bundle_from_image"])
    process = sketch.node("process", ["run_bundle", "containers.ended"])
    names = ["a record", "from here on", "rootfs", "config.json"]
    parts = [first, keeper, tree, bundle, process]
    for before, after, name in zip(parts, parts[1:], names, strict=False):
        sketch.edge(before, after, name)
    return sketch.picture(
        "run_container calls enter_mount_namespace and new_container, then start_monitor, which is"
        " dismissed at the end; image_tree and snapshot, which give the root"
        " filesystem; bundle_from_image, which gives config.json; run_bundle, and"
        " containers.ended with its status."
    )


def shell(*commands: str) -> str:
    """Commands, run where `small` is an image layout with an image `demo`, and what they print."""
    with tempfile.TemporaryDirectory(prefix="lab06-") as name:
        sample = Sample(Path(name) / "small")
        settings = {**_IMAGE, "Env": ["PATH=/bin"], "WorkingDir": "/srv"}
        sample.tag({"demo": sample.image([tar(file("init", "#!/bin/sh\n", mode=0o755))], settings)})
        return "".join(transcript(command, Path(name)) for command in commands)

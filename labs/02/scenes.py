"""What lab 02 shows: the way of `docker run`, a bundle, and the life of a container.

The transcripts come from real containers and processes, in directories that are
made anew and removed; pids, times and paths are left out.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any

import minicontainer
from minicontainer.pictures.drawing import STYLE, Picture, Sketch
from minicontainer.pictures.runtime import lifecycle as lifecycle
from minicontainer.pictures.way import way as way
from minicontainer.step02_runtime.cgroups import apply_limits
from minicontainer.workshop.html import pre
from minicontainer.workshop.scenes import act, table, without_other_labs
from minicontainer.workshop.widgets import Shown

from .bundles import SAID, bundle, config, lay_out

_RUN = "from minicontainer.cli.minirunc import main; raise SystemExit(main())"
#: of what an engine and its runtime say: whose the functions are, and failures
_TOLD = re.compile(r"\d+ of \d+ functions|  lab \d\d  |Error")
_HEADS = {
    "nobody": ["written from outside", "its uid is", "setresuid(0, 0, 0)"],
    "stat": ["1", "2", "3", "4 … 21", "22", "23 …"],
    "fifo": ["opened with", "nobody is at the other end: open"],
    "zombie": ["asked", "answer"],
    "bind": ["flags of mount(2)", "the mount is"],
}


ACTS = Path(__file__).with_name("acts.py")


def played(name: str) -> str:
    """An act as a table."""
    return table([_HEADS[name], *act(ACTS, name)])


class Machine:
    """A bundle called demo, a state directory, and the runtime's commands."""

    def __init__(self, directory: Path, *before: str) -> None:
        self.directory, self.before = directory, before
        self.root = directory / "state"
        self.told = directory / "told"
        self.calls = 0
        self.keep, self.hold = os.pipe()  # the program waits for input, until its end
        bundle(directory / "demo", **_for_this_user(hooks=self._hooks()))

    def _hooks(self) -> dict[str, list[dict]]:
        kinds = ("prestart", "createRuntime", "createContainer", "poststart", "poststop")
        script = 's=$(cat); s="${s#*\\"status\\": \\"}"; echo "$0 ${s%%\\"*}" >> '
        return {
            kind: [{"path": "/bin/sh", "args": ["sh", "-c", script + str(self.told), kind]}]
            for kind in kinds
        }

    def __call__(self, *words: str) -> str:
        """What `minirunc` prints when called with these words."""
        self.calls += 1
        printed = self.directory / f"printed-{self.calls}"
        if words[0] == "create":
            self.output = printed  # the container's, from now on
        with open(printed, "w") as file:
            subprocess.run(
                [sys.executable, "-c", _RUN, *self.before, "--root", str(self.root), *words],
                stdin=self.keep, stdout=file, stderr=subprocess.STDOUT, cwd=self.directory,
                check=False,
            )  # fmt: skip
        return printed.read_text()

    def wait(self, condition: Callable[[], Any]) -> None:
        """Wait for what should come soon, however busy the machine is."""
        end = time.monotonic() + 30
        while not condition() and time.monotonic() < end:
            time.sleep(0.01)

    def status(self, id: str = "box") -> str:
        """The container's status, or "" when there is none."""
        found = re.search(r'"status": "(\w+)"', self("state", id))
        return found[1] if found else ""

    def close(self) -> None:
        """Delete what is left, by the package's own functions: a learner's may not do it."""
        self.before = ()
        for directory in self.root.glob("[!.]*"):
            self("delete", "--force", directory.name)
        os.close(self.keep)
        os.close(self.hold)


def _for_this_user(**more: Any) -> dict[str, Any]:
    """What the configuration of a container needs that an ordinary user can run."""
    if os.geteuid() == 0:
        return more
    own = config()["linux"]
    own["namespaces"].append({"type": "user"})
    own["uidMappings"] = [{"containerID": 0, "hostID": os.geteuid(), "size": 1}]
    own["gidMappings"] = [{"containerID": 0, "hostID": os.getegid(), "size": 1}]
    return {**more, "linux": own}


@contextmanager
def _machine(*before: str) -> Iterator[Machine]:
    with tempfile.TemporaryDirectory(prefix="lab02-") as directory:
        machine = Machine(Path(directory), *before)
        try:
            yield machine
        finally:
            machine.close()


def demo_bundle() -> str:
    """A bundle, as find and cat show it."""
    with tempfile.TemporaryDirectory(prefix="lab02-") as directory:
        place = bundle(Path(directory) / "demo")
        (place / "config.json").write_text(json.dumps(config(), indent=2))
        names = sorted(str(path.relative_to(directory)) for path in Path(directory).rglob("*"))
        text = (place / "config.json").read_text()
    text = re.sub(r"\{\s+(\"type\": \"\w+\")\s+\}", r"{\1}", text)
    return "$ find demo\n" + "\n".join(names) + "\n$ cat demo/config.json\n" + text


def two_commands() -> Picture:
    """create and start: two commands, and one process between them."""
    sketch = Sketch(ranksep=".6", nodesep=".3")
    command = sketch.node("config", ["minirunc create", "(ends)"])
    later = sketch.node("config", ["minirunc start", "(ends)"])
    init = sketch.node("process", ["init: builds its", "world, then sleeps"])
    door = sketch.node("warning", ["exec.fifo", "init waits here"])
    program = sketch.node("layer", ["the same process:", "your program"])
    sketch.edge(command, init, "spawns")
    sketch.edge(init, door, "opens")
    sketch.edge(later, door, "opens, too")
    sketch.edge(door, program, "exec")
    return sketch.picture(
        "create spawns a process, init, and ends. Init builds its world and sleeps, opening a FIFO."
        " Later start opens the FIFO's other end; init wakes and becomes your program by exec."
    )


def whole_life(*before: str) -> str:
    """A container's life by the commands, and what each leaves."""
    lines = []
    with _machine(*before) as machine:

        def shown(*words: str) -> None:
            said = machine(*words).splitlines()
            kept = [line for line in said if not re.match(r"\d+ of|  lab |  hint|       ", line)]
            lines.extend([f"$ minirunc {' '.join(words)}", *kept])

        def status() -> None:
            lines.append(f'$ minirunc state box   →   "status": "{machine.status()}"')

        shown("create", "--bundle", "demo", "box")
        status()
        shown("delete", "box")
        shown("start", "box")
        machine.wait(lambda: SAID in machine.output.read_text())
        lines.extend(machine.output.read_text().splitlines()[-1:])
        status()
        shown("start", "box")
        shown("kill", "box", "KILL")
        machine.wait(lambda: machine.status() == "stopped")
        status()
        shown("delete", "box")
        shown("list", "--quiet")
    return "\n".join(lines)


def hooks_of_a_life() -> str:
    """Which hooks ran at which command, and the status they were told."""
    rows = []
    with _machine() as machine:
        for words in (("create", "-b", "demo", "box"), ("start", "box"), ("kill", "box", "KILL")):
            machine(*words)
            rows.append((words[0], machine.told.read_text() if machine.told.exists() else ""))
            machine.told.unlink(missing_ok=True)
        machine.wait(lambda: machine.status() == "stopped")
        machine("delete", "box")
        rows.append(("delete", machine.told.read_text()))
    lines = [
        "command   hook              status it was told",
        "───────   ───────────────   ──────────",
    ]
    for verb, told in rows:
        for line in told.splitlines() or ["- -"]:
            kind, status = line.split()
            lines.append(f"{verb:<9} {kind:<17} {status}")
            verb = ""
    return "\n".join(lines)


def what_create_leaves() -> str:
    """The names that a created container has on the machine."""
    with _machine() as machine:
        machine("create", "-b", "demo", "box")
        files = " ".join(sorted(os.listdir(machine.root / "box")))
        record = json.loads((machine.root / "box/state.json").read_text())
    return f"$ ls state/box\n{files}\n$ jq keys state/box/state.json\n{json.dumps(sorted(record))}"


def damaged() -> str:
    """A state directory in which not all is well, and what the commands make of it."""
    with tempfile.TemporaryDirectory(prefix="lab02-") as directory:
        root = Path(directory)
        lay_out(root, "api", {"pid": 1, "start": 0})
        lay_out(root, "web", {"pid": 1, "start": 0})
        (root / "web/state.json").write_text('{"id": "we')
        lines = ["$ cat state/web/state.json", (root / "web/state.json").read_text()]
        for words in ("list --quiet", "delete web", "delete --force web"):
            command = [sys.executable, "-c", _RUN, "--root", directory, *words.split()]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            said = (done.stdout + done.stderr).replace(directory, "state")
            lines += [f"$ minirunc {words}", *said.splitlines()]
        lines += ["$ ls state", "  ".join(sorted(os.listdir(root)))]
    return "\n".join(lines)


def limits() -> str:
    """What is written into which file, in both versions of cgroups."""
    asked = {
        "pids": {"limit": 100},
        "memory": {"limit": 64 << 20},
        "cpu": {"quota": 50000, "period": 100000},
    }
    rows = [["linux.resources", "version 1", "version 2"]]
    for kind, limit in asked.items():
        first, second = (_written(version, {kind: limit}) for version in (1, 2))
        name = f"{kind}: {', '.join(f'{key} {value}' for key, value in limit.items())}"
        rows += [list(row) for row in zip_longest([name], first, second, fillvalue="")]
    return table(rows)


def _written(version: int, resources: dict[str, Any]) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="lab02-") as directory:
        paths = dict.fromkeys(("pids", "memory", "cpu"), directory)
        apply_limits({"version": version, "paths": paths}, resources)
        return [f"{f.name} {f.read_text()}" for f in sorted(Path(directory).iterdir())]


class Life(Shown):
    """A real container to play with: press a verb, see where it is in its life."""

    def widget(self) -> Any:
        """Buttons for the verbs; below them the picture and what the runtime said."""
        import ipywidgets

        self.place = tempfile.TemporaryDirectory(prefix="lab02-")
        self.machine = Machine(Path(self.place.name))
        atexit.register(self.machine.close)  # a created container would sleep for ever
        shown = ipywidgets.HTML(self._picture("", ""))

        def press(button: Any) -> None:
            verb = button.description
            words = {"create": ("-b", "demo", "box"), "kill": ("box", "KILL")}.get(verb, ("box",))
            said = self.machine(verb, *words)
            shown.value = self._picture(f"$ minirunc {verb} {' '.join(words)}", said)

        buttons = [ipywidgets.Button(description=v) for v in ("create", "start", "kill", "delete")]
        for button in buttons:
            button.on_click(press)
        return ipywidgets.VBox([ipywidgets.HBox(buttons), shown])

    def _picture(self, command: str, said: str) -> str:
        status = self.machine.status() or None
        drawn = lifecycle(status).svg()
        drawn = drawn.replace("<svg ", '<svg style="max-width: 100%; height: auto" ', 1)
        return f'{STYLE}<div class="mc-picture">{drawn}</div>' + pre(f"{command}\n{said}")

    def html(self) -> str:
        """The life of a container, standing still."""
        return lifecycle()._repr_html_()


def life() -> Life:
    """Play with a container."""
    return Life()


def mine() -> None:
    """A container's whole life, by the learner's functions; whose each is, above it."""
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-c", _RUN, "--mine", "--root", directory, "list", "-q"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(without_other_labs("02", done.stderr), end="")
    print(whole_life("--mine").replace("$ minirunc ", "$ minirunc --mine "))


def engine_shell(command: str) -> None:
    """Run `podman …` where `minirunc` and `rootfs` mean ours; print the command and its output.

    An engine that is installed as packages are may not yet suit this machine: what it needs
    is given by its own configuration and options, which are left out in what is printed.
    """
    print(f"$ {command.strip()}")
    program = shutil.which(command.split()[0])
    if program is None:
        print("(podman is not installed here)")
        return
    with tempfile.TemporaryDirectory(prefix="pod") as directory:
        place = Path(directory)
        bundle(place / "demo")
        for name in ("dev", "proc", "sys", "etc", "run", "tmp"):
            (place / "demo/rootfs" / name).mkdir()
        done = subprocess.run(
            [program, *_storage(place), *_words(command, place)],
            env={**os.environ, "CONTAINERS_CONF": _settings(place)},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
    said = done.stderr.splitlines(True)
    told = dict.fromkeys(line for line in said if _TOLD.match(line))
    print(without_other_labs("02", "".join(told)) + done.stdout, end="")
    print(f"$ echo $?\n{done.returncode}")
    if done.returncode >= 125:  # the engine or its runtime has failed: all that they say may help
        print("".join(line for line in said if line not in told), end="", file=sys.stderr)


def _storage(place: Path) -> list[str]:
    """Everything of podman's in a directory that goes away."""
    where = ["--root", str(place / "s"), "--runroot", str(place / "r")]
    return [*where, "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"]


def _settings(place: Path) -> str:
    import resource

    most = min(resource.getrlimit(resource.RLIMIT_NPROC)[1], 32768)
    most = 32768 if most < 0 else most
    path = place / "containers.conf"
    limits = f'["nofile=1024:1024", "nproc={most}:{most}"]'
    path.write_text(f"[containers]\ndefault_ulimits = {limits}\n")
    return str(path)


def _words(command: str, place: Path) -> list[str]:
    """The command's words, with our program and root filesystem in their places."""
    ours = place / "minirunc"
    here = Path(minicontainer.__file__).parents[1]
    answers = os.environ.get("MINICONTAINER_ANSWERS", "labs")
    lines = [f"#!{sys.executable}", "import os, sys", f"sys.path.insert(0, {str(here)!r})"]
    lines += [f"os.environ['MINICONTAINER_ANSWERS'] = {answers!r}", _RUN, ""]
    ours.write_text("\n".join(lines))
    ours.chmod(0o755)
    paths = {'"$(command -v minirunc)"': str(ours), "demo/rootfs": str(place / "demo/rootfs")}
    words = re.findall(r'"[^"]*"|\S+', command.replace("\\\n", " "))[1:]
    return [paths.get(word, word) for word in words]

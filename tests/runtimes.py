"""A runtime to try: a root filesystem of this host's tools, a state directory, a caller."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from minicontainer.lib.default_config import default_config
from tests.waiting import HANG, until

TOOLS = [
    "sh",
    "cat",
    "ls",
    "sleep",
    "id",
    "env",
    "mount",
    "mkdir",
    "touch",
    "stat",
    "readlink",
    "rm",
    "tty",
    "stty",
    "head",
]
STRANGER = 54321  # the uid of an ordinary user who owns nothing on this machine


def copy_with_libraries(program: str, root: Path) -> None:
    source = shutil.which(program)
    if source is None:
        pytest.skip(f"not installed: {program}")
    listed = subprocess.run(["ldd", source], capture_output=True, text=True, check=False).stdout
    libraries = [word for word in listed.split() if word.startswith("/")]
    for path, target in [(source, f"bin/{program}"), *((name, name[1:]) for name in libraries)]:
        (root / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(path), root / target)


@pytest.fixture(scope="session")
def tools():
    """A root filesystem with a shell and a few tools, readable by everyone."""
    top = Path(tempfile.mkdtemp(prefix="minirunc-tools-"))
    top.chmod(0o755)
    root = top / "rootfs"
    for name in ("bin", "etc", "proc", "sys", "dev", "tmp"):
        (root / name).mkdir(parents=True)
    for tool in TOOLS:
        copy_with_libraries(tool, root)
    (root / "etc/passwd").write_text(
        "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n"
    )
    (root / "tmp").chmod(0o1777)
    yield root
    shutil.rmtree(top)


class Runtime:
    """minirunc as one caller uses it, with a state directory and bundles of its own."""

    def __init__(self, tools: Path, uid: int, program=None) -> None:
        self.tools, self.uid = tools, uid
        self.rootless = uid != 0
        self.top = Path(tempfile.mkdtemp(prefix="minirunc-test-"))
        self.state_root = self.top / "state"
        self.program = program or [sys.executable, "-m", "minicontainer.cli.minirunc"]
        self.id = f"t{secrets.token_hex(4)}"
        self._own(self.top)

    def _own(self, path: Path) -> None:
        if os.geteuid() == 0 and self.uid:
            os.chown(path, self.uid, self.uid)

    def config(self, *args: str, **changes) -> dict:
        """A configuration that runs `args`; `changes` are laid over it, a__b for a.b."""
        config = default_config(self.rootless)
        if self.rootless:
            mappings = [{"containerID": 0, "hostID": self.uid, "size": 1}]
            config["linux"].update(uidMappings=mappings, gidMappings=[dict(mappings[0])])
        config["process"].update(args=list(args), terminal=False)
        config["root"]["path"] = str(self.tools)
        config["process"]["env"] = ["PATH=/bin"]
        for name, value in changes.items():
            *way, last = name.split("__")
            place = config
            for key in way:
                place = place.setdefault(key, {})
            place[last] = value
        return config

    def bundle(self, *args: str, **changes) -> str:
        """A bundle directory with that configuration."""
        directory = Path(tempfile.mkdtemp(prefix="bundle-", dir=self.top))
        (directory / "config.json").write_text(json.dumps(self.config(*args, **changes)))
        directory.chmod(0o755)
        self._own(directory)
        return str(directory)

    def own_root(self, *names: str) -> Path:
        """A private copy of the root filesystem, for a test that writes into it."""
        root = Path(tempfile.mkdtemp(prefix="root-", dir=self.top))
        shutil.copytree(self.tools, root, dirs_exist_ok=True, symlinks=True)
        for directory, names, files in os.walk(root):
            for name in [".", *names, *files]:
                self._own(Path(directory, name))
        return root

    def command(self, *args: str) -> list[str]:
        return [*self.program, "--root", str(self.state_root), *args]

    def options(self) -> dict:
        identity = {"user": self.uid, "group": self.uid, "extra_groups": []}
        environment = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(self.top)}
        if "PYTHONPATH" in os.environ:
            environment["PYTHONPATH"] = os.environ["PYTHONPATH"]
        drop = identity if os.geteuid() == 0 and self.uid else {}
        return {**drop, "env": environment, "cwd": "/"}

    def call(self, *args: str, ok: bool | None = True, **options) -> subprocess.CompletedProcess:
        """Run a command to its end; `ok` says whether it must succeed (None: either)."""
        options = {"capture_output": True, "timeout": HANG, **self.options(), **options}
        done = subprocess.run(self.command(*args), text=True, check=False, **options)
        assert "Traceback" not in (done.stderr or ""), done.stderr
        if ok is not None:
            assert (done.returncode == 0) == ok, (args, done.returncode, done.stdout, done.stderr)
        return done

    def quietly(self, *args: str, ok: bool | None = True) -> int:
        """Run a command whose process lives on: without pipes, which it would keep open."""
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        return self.call(*args, ok=ok, capture_output=False, **streams).returncode

    def run(self, *args: str, ok: bool | None = True, **changes) -> subprocess.CompletedProcess:
        """`run` a new bundle to its end."""
        return self.call("run", "-b", self.bundle(*args, **changes), self.id, ok=ok)

    def create(self, *args: str, ok: bool = True, **changes) -> subprocess.CompletedProcess:
        """`create` without pipes, which the container would keep open."""
        log = self.top / "log"
        self._own_file(log)
        with open(log, "w") as file:
            bundle = self.bundle(*args, **changes)
            done = self.call(
                "create", "-b", bundle, self.id, ok=None, capture_output=False,
                stdout=file, stderr=file, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        done.stderr = log.read_text()
        assert (done.returncode == 0) == ok, done.stderr
        return done

    def _own_file(self, path: Path) -> None:
        path.touch()
        self._own(path)

    def popen(self, *args: str, **options) -> subprocess.Popen:
        return subprocess.Popen(self.command(*args), **{**self.options(), **options})

    def state(self, id: str | None = None) -> dict:
        return json.loads(self.call("state", id or self.id).stdout)

    def wait_for(self, status: str) -> dict:
        found = until(lambda: (s := self.state())["status"] == status and s)
        assert found, f"never {status}: {self.state()}"
        return found

    def left_behind(self) -> list[str]:
        """What must not be there when every container is deleted."""
        found = [str(p) for p in self.state_root.glob("*")] if self.state_root.exists() else []
        for directory, names, _ in os.walk("/sys/fs/cgroup"):  # others may change it meanwhile
            found += [f"{directory}/{name}" for name in names if f"minirunc-{self.id}" in name]
        mounts = Path("/proc/self/mountinfo").read_text()
        return found + [line for line in mounts.splitlines() if str(self.top) in line]

    def close(self) -> None:
        for container in json.loads(self.call("list", "--format", "json").stdout):
            self.call("delete", "--force", container["id"], ok=None)
        left = self.left_behind()
        shutil.rmtree(self.top, ignore_errors=True)
        assert left == []


def _runtime(tools, uid):
    made = Runtime(tools, uid)
    yield made
    made.close()


@pytest.fixture
def runtime(tools):
    """The runtime, called by who runs the tests."""
    yield from _runtime(tools, os.geteuid())


@pytest.fixture
def as_user(tools):
    """The runtime, called by an ordinary user."""
    yield from _runtime(tools, os.geteuid() or STRANGER)


@pytest.fixture(params=["root", "user"])
def both(request, tools):
    """The runtime, called by root and by an ordinary user."""
    if request.param == "root" and os.geteuid() != 0:
        pytest.skip("needs root")
    yield from _runtime(tools, 0 if request.param == "root" else (os.geteuid() or STRANGER))

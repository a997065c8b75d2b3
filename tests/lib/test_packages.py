"""The advice how to install a package: a command that can be typed."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
ADVICE = "from minicontainer.lib.packages import how_to_install; print(how_to_install('six'))"


@pytest.mark.parametrize("options", [[], ["--without-pip"]])
def test_it_installs_into_the_environment_that_asks(tmp_path, options) -> None:
    base = os.path.realpath(sys.executable)
    if options and subprocess.run([base, "-c", "import pip"], capture_output=True).returncode:
        pytest.skip("no Python here has a pip")
    subprocess.run([base, "-m", "venv", *options, tmp_path / "venv"], check=True)
    python = tmp_path / "venv/bin/python"
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, program in (("python3", base), ("uv", "/bin/false" if not options else "")):
        if program:
            tools.joinpath(name).symlink_to(program)
    environment = {"PATH": str(tools), "PYTHONPATH": str(PROJECT), "HOME": str(tmp_path)}
    said = subprocess.run(
        [python, "-c", ADVICE], env=environment, capture_output=True, text=True, check=True
    ).stdout
    command = shlex.split(said)
    assert command[-1] == "six" and str(python) in command
    # Without a network: what is there already is shown by the same pip in the same place.
    command = [*command[: command.index("install")], "list", "--verbose", "--format", "json"]
    del environment["PYTHONPATH"]
    shown = subprocess.run(
        [shutil.which(command[0], path=str(tools)) or command[0], *command[1:]],
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr


def test_uv_is_asked_where_there_is_no_pip(tmp_path, monkeypatch) -> None:
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\n")
    uv.chmod(0o755)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    from minicontainer.lib.packages import how_to_install

    assert how_to_install("six", "x") == f"uv pip install --python {sys.executable} six x"

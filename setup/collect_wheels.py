"""Fetch what a set-up without network needs: the locked wheels, for every supported Python.

    .venv/bin/python setup/collect_wheels.py DIRECTORY PIP...

PIP is the command that is pip. The wheels are for Linux on x86-64 and arm64; pip checks
their hashes, and so does the set-up that finds them.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet

PROJECT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "setup/uv-wheel.lock", "setup/pip-wheel.lock")
MACHINES = ("x86_64", "aarch64")
#: the newest manylinux that a supported system can load: glibc 2.28, of 2018
GLIBC = 28


def collect(directory: Path, pip: list[str]) -> None:
    """Fill `directory`. Raises CalledProcessError if pip fails; it has said why."""
    directory.mkdir(parents=True, exist_ok=True)
    for machine in MACHINES:
        for version in supported_pythons():
            print(f"Fetching for Python {version} on {machine} ...", flush=True)
            # A condition in a lock may tell one patch release from another.
            for full in sorted(of_each_pins(version, machine).values()):
                fetch(directory, pip, full, machine)
    wheels = list(directory.glob("*.whl"))
    size = sum(wheel.stat().st_size for wheel in wheels) >> 20
    print(f"{len(wheels)} wheels, {size} MiB, in {directory}")


def supported_pythons() -> list[str]:
    """ "3.11" and so on, as pyproject.toml allows."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    allowed = SpecifierSet(project["requires-python"])
    return [version for minor in range(100) if allowed.contains(version := f"3.{minor}")]


def of_each_pins(version: str, machine: str) -> dict[str, str]:
    """The packages of a minor version -> one of the full versions that need them."""
    return {pins_for(full, machine): full for full in (f"{version}.99", f"{version}.0")}


def fetch(directory: Path, pip: list[str], version: str, machine: str) -> None:
    """The wheels for one Python, a full version, on one machine."""
    tags = [f"manylinux_2_{n}_{machine}" for n in range(GLIBC, 4, -1)]
    tags += [f"{old}_{machine}" for old in ("manylinux2014", "manylinux2010", "manylinux1")]
    with tempfile.NamedTemporaryFile("w", suffix=".lock") as lock:
        lock.write(pins_for(version, machine))
        lock.flush()
        command = [*pip, "--disable-pip-version-check", "download", "-qq", "--no-deps"]
        command += ["--require-hashes", "--only-binary", ":all:", "--python-version", version]
        command += [word for tag in tags for word in ("--platform", tag)]
        subprocess.run([*command, "--dest", directory, "-r", lock.name], check=True)


def pins_for(version: str, machine: str) -> str:
    """The pins that hold there, without conditions: pip judges those by its own Python."""
    there = {
        "python_version": version.rpartition(".")[0],
        "python_full_version": version,
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": machine,
        "os_name": "posix",
    }
    pins = []
    texts = [PROJECT.joinpath(lock).read_text(encoding="utf-8") for lock in LOCKS]
    for pin in re.split(r"\n(?=\S)", "".join(texts).strip()):
        first, backslash, hashes = pin.partition(" \\\n")
        name, _, condition = first.partition(" ; ")
        if not condition or Marker(condition).evaluate(there):
            pins.append(name + backslash + hashes + "\n")
    return "".join(pins)


if __name__ == "__main__":
    try:
        collect(Path(sys.argv[1]), sys.argv[2:])
    except subprocess.CalledProcessError as error:
        sys.exit(f"workshop: the wheels could not be fetched: pip ended with {error.returncode}")

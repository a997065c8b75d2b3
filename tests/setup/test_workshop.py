"""The script that a newcomer types first, run for real in copies of the project."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from minicontainer.workshop import needs
from tests.setup.conftest import PROJECT, Copy, copy_of_project
from tests.waiting import costs_less_than, until

pytestmark = pytest.mark.slow

COMMANDS = [
    "lab",
    "demo",
    "test",
    "check",
    "next",
    "status",
    "hint",
    "diff",
    "solution",
    "reset",
    "watch",
    "update",
    "mend",
    "doctor",
    "slides",
    "bundle",
    "setup",
    "wheels",
]
SCRIPT = (PROJECT / "workshop").read_text()
#: an index where nothing listens
NOWHERE = "http://127.0.0.1:9"
#: Makes Python look as Debian ships it: pip only where it is run from a wheel.
NO_PIP = """\
import sys
if not any(".whl" in argument for argument in sys.orig_argv):
    sys.modules["pip"] = sys.modules["ensurepip"] = None
"""


def test_help_has_one_line_for_each_command():
    done = subprocess.run([PROJECT / "workshop", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    listed = re.findall(r"^  (\w+) .*  \S", done.stdout, re.MULTILINE)
    assert sorted(listed) == sorted(COMMANDS)


def test_unknown_command_is_refused_in_one_sentence():
    done = subprocess.run([PROJECT / "workshop", "fly"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == 'workshop: there is no command "fly"; ./workshop --help lists them\n'


def test_fresh_setup_gives_the_commands(whole: Copy):
    programs = whole.path / ".venv/bin"
    for name in ("minicontainer", "minirunc"):
        first = programs.joinpath(name).read_text().splitlines()[0]
        assert first == "#!/bin/sh"  # a shebang cannot hold the blank in this path
    code = "import jupyterlab, pytest, wasmtime, minicontainer; print(minicontainer.__file__)"
    found = subprocess.run(
        [programs / "python", "-c", code], cwd="/", capture_output=True, text=True, check=True
    )
    assert Path(found.stdout.strip()).parents[1] == whole.path
    assert "pytest 9" in subprocess.run(
        [programs / "pytest", "--version"], cwd="/", capture_output=True, text=True
    ).stdout.replace("\n", " ")
    # As an engine calls a runtime: with an empty environment.
    bare = subprocess.run([programs / "minirunc", "--help"], cwd="/", env={}, capture_output=True)
    assert bare.returncode == 0


def test_second_run_is_quick_and_silent(whole: Copy):
    del whole.environment["MINICONTAINER_PYTHON"]
    with costs_less_than(0.1):
        done = whole.run("setup")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_path_without_blanks_has_an_absolute_shebang(copy: Copy):
    assert copy.run("setup").returncode == 0
    first = copy.path.joinpath(".venv/bin/minirunc").read_text().splitlines()[0]
    assert first == f"#!{copy.path}/.venv/bin/python"
    assert not copy.path.joinpath(".venv/setup").exists()


def test_changed_lock_or_moved_project_is_set_up_again(copy: Copy):
    assert copy.run("setup").returncode == 0
    lock = copy.path / "requirements.lock"
    lock.write_text(lock.read_text() + "\n")
    assert "Setting up" in copy.run("setup").stderr
    assert copy.run("setup").stderr == ""
    moved = Copy(copy.path.rename(copy.path.with_name("moved")))
    assert "Setting up" in moved.run("setup").stderr


def test_the_larger_set_stays(copy: Copy):
    (copy.path / "tests").mkdir()
    assert copy.run("setup", "ci").returncode == 0
    stamp = copy.stamp.read_text()
    for command in ("setup", "test"):
        assert "Setting up" not in copy.run(command).stderr
        assert copy.stamp.read_text() == stamp
    lock = copy.path / "requirements-ci.lock"
    lock.write_text(lock.read_text() + "\n")
    assert "Setting up" in copy.run("test").stderr
    assert copy.stamp.read_text().startswith("requirements-ci.lock ")


def test_killed_setup_starts_again(copy: Copy):
    copy.put_program("uv", f"#!/bin/sh\n: >'{copy.path}/begun'\nexec sleep 60\n")
    with start(copy, "setup") as process:
        wait_for(copy.path / "begun")
        os.killpg(process.pid, signal.SIGKILL)
    assert not copy.stamp.exists()
    copy.path.joinpath("programs/uv").unlink()
    done = copy.run("setup")
    assert done.returncode == 0, done.stderr
    assert copy.stamp.exists()


def test_ctrl_c_leaves_no_half_environment(copy: Copy):
    copy.put_program("uv", f"#!/bin/sh\n: >'{copy.path}/begun'\nexec sleep 60\n")
    with start(copy, "setup") as process:
        wait_for(copy.path / "begun")
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) != 0
    assert not copy.path.joinpath(".venv").exists()
    assert not copy.path.joinpath(".workshop/setup.lock").exists()


def test_installer_left_running_is_waited_for(copy: Copy):
    marks = copy.path
    uv = f"#!/bin/sh\n: >'{marks}/begun'; sleep 2; : >'{marks}/ended'; exit 1\n"
    copy.put_program("uv", uv)
    with start(copy, "setup") as process:
        wait_for(marks / "begun")
        process.kill()  # the script alone: its installer lives on
    copy.path.joinpath("programs/uv").unlink()
    done = copy.run("setup")
    assert done.returncode == 0, done.stderr
    assert "Another ./workshop is setting up" in done.stderr
    assert (marks / "ended").exists()


def test_two_at_once_set_up_once(copy: Copy):
    with start(copy, "setup") as first, start(copy, "setup") as second:
        said = [process.communicate(timeout=60)[1] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0]
    assert sum("Installing" in text for text in said) == 1


def test_pip_installs_where_uv_fails(copy: Copy):
    copy.put_program("uv", "#!/bin/sh\necho 'error: no uv today' >&2; exit 1\n")
    done = copy.run("setup")
    assert done.returncode == 0, done.stderr
    assert installed(copy) == {"iniconfig", "pluggy"}


def test_a_wheelhouse_makes_pip_and_network_needless(copy: Copy, wheels: Path):
    """As from a stick: the copy has its wheels beside it, the machine has Python alone."""
    shutil.copytree(wheels, copy.path / "wheelhouse")
    hide_pip(copy)
    no_network(copy)
    done = copy.run("setup")
    assert done.returncode == 0, done.stderr + copy.path.joinpath(".workshop/setup.log").read_text()
    assert installed(copy) == {"iniconfig", "pluggy"}


def test_a_wheelhouse_may_stand_elsewhere_but_must_be_one(copy: Copy, wheels: Path):
    no_network(copy)
    copy.environment["MINICONTAINER_WHEELS"] = str(copy.path)
    done = copy.run("setup")
    assert done.stderr == f"workshop: there are no wheels in {copy.path}\n"
    copy.environment["MINICONTAINER_WHEELS"] = str(wheels)
    done = copy.run("setup")
    assert done.returncode == 0, done.stderr


def test_a_strange_pip_in_a_wheelhouse_is_not_run(copy: Copy, wheels: Path):
    shutil.copytree(wheels, copy.path / "wheelhouse")
    with next(copy.path.glob("wheelhouse/pip-*.whl")).open("ab") as wheel:
        wheel.write(b"!")
    hide_pip(copy)
    assert "it has neither pip nor ensurepip" in copy.run("setup").stderr


def test_an_incomplete_wheelhouse_is_said_to_be(copy: Copy, wheels: Path):
    for wheel in wheels.glob("iniconfig-*.whl"):
        copy.path.joinpath("wheelhouse").mkdir()
        shutil.copy(wheel, copy.path / "wheelhouse")
    no_network(copy)
    done = copy.run("setup")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"workshop: {copy.path}/wheelhouse does not hold all that Python 3.")
    assert f"the package index {NOWHERE} cannot be reached" in last


def test_without_network_the_index_and_the_way_out_are_named(copy: Copy):
    no_network(copy)
    done = copy.run("setup")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"workshop: the package index {NOWHERE} cannot be reached (no proxy is set):"
        " the connection is refused. Once set up, no network is needed; to set up without one,"
        " run ./workshop wheels where there is one, and copy that directory with its wheelhouse"
        " here"
    )
    assert not copy.path.joinpath(".venv").exists()


def test_without_pip_one_sentence_names_what_to_do_first(copy: Copy):
    hide_pip(copy)
    done = copy.run("setup")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("workshop: ") and "it has neither pip nor ensurepip." in last
    if "debian" in Path("/etc/os-release").read_text():
        assert re.search(r"First:  (sudo )?apt-get update && .*install python3-venv$", last)
    assert not copy.path.joinpath(".venv").exists()
    assert last.partition("First:  ")[2] in copy.run("doctor").stdout


@pytest.mark.parametrize(
    ("release", "command"),
    [
        ("ID=debian", "apt-get update && .*apt-get install python3-venv"),
        ("ID=ubuntu\nID_LIKE=debian", "apt-get update && .*apt-get install python3-venv"),
        ("ID=fedora", "dnf install python3-pip"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"', "dnf install python3-pip"),
        ('ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"', "zypper install python3-pip"),
        ("ID=arch", "pacman -Sy python-pip"),
        ("ID=manjaro\nID_LIKE=arch", "pacman -Sy python-pip"),
        ("ID=alpine", "apk add py3-pip"),
        ("ID=strange", None),
        (None, None),
    ],
)
def test_what_to_do_first_is_in_the_words_of_the_system(copy: Copy, release, command):
    hide_pip(copy)
    system = copy.path / "os-release"
    if release:
        system.write_text(f"{release}\nPRETTY_NAME='x'\n")
    copy.script.write_text(SCRIPT.replace("/etc/os-release", str(system)))
    done = copy.run("setup")
    said = done.stderr.splitlines()[-1]
    assert done.returncode == 1 and "it has neither pip nor ensurepip." in said
    if command:
        assert re.search(f" First:  (sudo )?{command}$", said)
    else:
        assert said.endswith("ensurepip.")


def test_wrong_hash_is_refused(copy: Copy):
    lock = copy.path / "requirements.lock"
    lock.write_text(re.sub(r"sha256:\w{4}", "sha256:0000", lock.read_text()))
    done = copy.run("setup")
    assert done.returncode == 1
    assert "could not install the packages" in done.stderr
    assert not copy.stamp.exists()


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("#!/bin/sh\necho 'is Python 3.8.10' >&2; exit 1\n", "is Python 3.8.10"),
        ("#!/bin/sh\necho 'is Python 3.15.0' >&2; exit 1\n", "is Python 3.15.0"),
        (None, "is not a program"),
    ],
)
def test_unfit_python_is_named(copy: Copy, program: str | None, reason: str):
    path = copy.put_program("old-python", program) if program else copy.path / "none"
    copy.environment["MINICONTAINER_PYTHON"] = str(path)
    done = copy.run("setup")
    assert done.returncode == 1
    assert done.stderr == (
        "workshop: Python 3.11, 3.12, 3.13 or 3.14 is needed and was not found "
        f"(MINICONTAINER_PYTHON can name it); {path} {reason}\n"
    )


@pytest.mark.parametrize("minor", [10, 11, 14, 15])
def test_only_pythons_with_packages_are_taken(minor: int):
    [probe] = re.findall(r"^probe='$(.*?)^'$", SCRIPT, re.MULTILINE | re.DOTALL)
    version = f"import sys; sys.version_info = (3, {minor}, 0, 'final', 0)\n"
    done = subprocess.run([sys.executable, "-c", version + probe], capture_output=True, text=True)
    assert (done.returncode == 0) == (11 <= minor <= 14)
    assert done.returncode == 0 or done.stderr == f"is Python 3.{minor}.0\n"


def test_all_say_the_same_of_pythons():
    oldest, newest = needs.PYTHONS
    minors = range(oldest[1], newest[1] + 1)
    assert f"{oldest} <= sys.version_info[:2] <= {newest}" in SCRIPT
    for minor in minors:
        assert f" python3.{minor}" in SCRIPT
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    assert project["project"]["requires-python"] == f">=3.{minors[0]},<3.{minors[-1] + 1}"
    assert project["tool"]["mypy"]["python_version"] == f"3.{minors[0]}"
    *first, last = [f"3.{minor}" for minor in minors]
    listed = f"Python {', '.join(first)} or {last}"
    assert listed in SCRIPT
    assert set(re.findall(r"Python (3\S+ (?:or|to) \S+)", (PROJECT / "README.md").read_text())) == {
        f"{first[0]} to {last}"
    }


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_directory_that_cannot_be_written_is_named(copy: Copy):
    copy.path.chmod(0o555)
    done = copy.run("setup")
    copy.path.chmod(0o755)
    assert (done.returncode, done.stderr) == (1, f"workshop: cannot write to {copy.path}\n")


def test_doctor_needs_no_setup(copy: Copy):
    done = copy.run("doctor")
    assert "Python" in done.stdout and done.stderr == ""
    assert "✓ packages   not installed yet" in done.stdout
    assert not copy.path.joinpath(".venv").exists()


def start(copy: Copy, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [copy.script, *arguments],
        env=copy.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(path: Path) -> None:
    assert until(path.exists), f"{path} did not appear"


def installed(copy: Copy) -> set[str]:
    found = copy.path.glob(".venv/lib/python3*/site-packages/*.dist-info")
    return {path.name.split("-")[0] for path in found}


def hide_pip(copy: Copy) -> None:
    """No uv, no apt-get, no configuration, and a Python without pip and ensurepip."""
    copy.only_tools()
    place = copy.path / "hidden"
    place.mkdir()
    place.joinpath("sitecustomize.py").write_text(NO_PIP)
    copy.environment["PYTHONPATH"] = str(place)
    copy.environment["HOME"] = str(place)
    copy.environment.pop("XDG_CONFIG_HOME", None)


def no_network(copy: Copy) -> None:
    """An index where nothing listens, and no other place for packages."""
    for name in ("http_proxy", "all_proxy"):
        copy.environment.pop(name, None)
        copy.environment.pop(name.upper(), None)
    copy.environment |= {
        "PIP_INDEX_URL": f"{NOWHERE.replace('//', '//me:secret@')}/simple",
        "PIP_CONFIG_FILE": os.devnull,
        "UV_NO_CONFIG": "1",
        "UV_NO_CACHE": "1",
        "UV_HTTP_RETRIES": "0",
    }


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the short lock needs, and pip, fetched from this machine's index."""
    made = copy_of_project(tmp_path_factory.mktemp("fetched") / "project")
    made.shorten_lock()
    place = tmp_path_factory.mktemp("wheels of a stick")
    locks = ("-r", made.path / "requirements.lock", "-r", made.path / "setup/pip-wheel.lock")
    python = os.path.realpath(sys.executable)
    subprocess.run(
        [python, "-m", "pip", "download", "-qq", "--no-deps", "-d", place, *locks], check=True
    )
    return place

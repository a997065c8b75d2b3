"""What learners get and see: the list of files in JupyterLab, and the teacher's zip."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest

from minicontainer.workshop.labs.lab import Lab
from minicontainer.workshop.open_labs import LEFT_OUT, settings
from tests.programs import needs

from .learner import LABS, ROOT


def listed(directory: Path) -> list[str]:
    names = sorted(path.name for path in directory.iterdir() if path.name[0] != ".")
    return [name for name in names if not any(fnmatch(name, pattern) for pattern in LEFT_OUT)]


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.id)
def test_a_learner_sees_the_notebook_and_its_pictures(lab: Lab) -> None:
    assert listed(lab.directory) == sorted([lab.notebook, "pictures"])


def test_a_learner_sees_no_answers_but_the_package_and_modules_of_his_own() -> None:
    seen = listed(ROOT)
    assert {"labs", "minicontainer", "README.md"} <= set(seen)
    assert not {"solutions", "tests", "setup"} & set(seen)
    assert "README.md" in listed(ROOT / "labs")
    assert not any(fnmatch("my_helpers.py", pattern) for pattern in LEFT_OUT)


def test_jupyter_takes_the_list() -> None:
    manager = pytest.importorskip("jupyter_server.services.contents.largefilemanager")
    jupyter = pytest.importorskip("traitlets.config").Application()
    jupyter.classes = [manager.LargeFileManager]
    jupyter.parse_command_line([option for option in settings() if "hide_globs" in option])
    contents = manager.LargeFileManager(parent=jupyter, root_dir=str(ROOT))
    assert contents.hide_globs == list(LEFT_OUT)
    assert not contents.should_list("lab.toml") and contents.should_list("image.ipynb")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of this checkout, with an answer that was not committed."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    shutil.copy(ROOT / "workshop", clone)
    (clone / "labs/03/image.ipynb").write_text("a teacher's answers")
    return clone


def bundle(clone: Path, *words: str) -> subprocess.CompletedProcess:
    command = [str(clone / "workshop"), "bundle", *words]
    return subprocess.run(command, cwd=clone.parent, capture_output=True, text=True, check=False)


@needs("git")
def test_a_bundle_is_what_a_learner_needs(clone: Path, tmp_path: Path) -> None:
    done = bundle(clone, "kit.zip", "--without-solutions")
    assert done.returncode == 0 and "not committed" in done.stderr
    with zipfile.ZipFile(tmp_path / "kit.zip") as packed:
        names = {Path(name).parts[1] for name in packed.namelist() if len(Path(name).parts) > 1}
        packed.extractall(tmp_path)
        assert packed.getinfo("minicontainer/workshop").external_attr >> 16 & 0o111
    assert {"labs", "minicontainer", "setup", "workshop", "README.md"} <= names
    assert not {"solutions", "tests", ".ci", ".git"} & names
    kit = tmp_path / "minicontainer"
    assert (tmp_path / "kit.zip").stat().st_size < 3_000_000
    done = subprocess.run(
        [sys.executable, "-m", "minicontainer.workshop", "check", "03"],
        cwd=kit, env={**os.environ, "PYTHONPATH": str(kit)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "start with 03.1 digest_of" in done.stdout, done.stderr
    assert "answers" not in (kit / "labs/03/image.ipynb").read_text("utf-8")


@needs("git")
def test_a_bundle_for_teachers_has_the_solutions(clone: Path, tmp_path: Path) -> None:
    assert bundle(clone, str(tmp_path / "a kit.zip")).returncode == 0
    with zipfile.ZipFile(tmp_path / "a kit.zip") as packed:
        assert "minicontainer/solutions/03/image.ipynb" in packed.namelist()


@needs("git")
def test_a_bundle_that_cannot_be_made_says_why(clone: Path) -> None:
    assert 'not "--no-solutions"' in bundle(clone, "kit.zip", "--no-solutions").stderr
    assert "needs the name" in bundle(clone).stderr
    (clone / ".git").rename(clone / "gone")
    done = bundle(clone, "kit.zip")
    assert done.returncode == 1 and "not a git repository" in done.stderr

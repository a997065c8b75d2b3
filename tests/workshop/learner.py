"""A learner's checkout for tests: labs in a temporary directory, with answers put in."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from minicontainer.workshop.authoring import generate
from minicontainer.workshop.grading.grader import Result, grade
from minicontainer.workshop.labs import exercises
from minicontainer.workshop.labs.lab import Lab, find_labs
from minicontainer.workshop.labs.notebook_answers import Answers, Cell, read_cells

ROOT = Path(__file__).resolve().parents[2]
LABS = find_labs(ROOT)
LAB03 = next(lab for lab in LABS if lab.id == "03")


def code_cell(source: str) -> dict:
    """A code cell of nbformat 4.5."""
    empty = {"metadata": {}, "execution_count": None, "outputs": []}
    return {"cell_type": "code", "id": "added", "source": source, **empty}


def checkout(directory: Path, lab: Lab = LAB03, answers: dict[str, str] | None = None) -> Lab:
    """A copy of one lab below `directory`, its notebook with `answers` in the stubs' places.

    A name that is no exercise's is the source of a cell put at the end.
    """
    copy = directory / "labs" / lab.id
    copy.mkdir(parents=True)
    for file in (*lab.directory.glob("*.py"), *lab.directory.glob("lab.*")):
        shutil.copy(file, copy)
    made = Lab(copy)
    shutil.copytree(lab.directory / "pictures", copy / "pictures")
    made.notebook_path().write_text(_fresh(lab), "utf-8")
    for name, source in (answers or {}).items():
        put(made, name, source)
    return made


def fresh_cells(lab: Lab) -> list[dict]:
    """The cells of the notebook that a learner starts from."""
    return json.loads(_fresh(lab))["cells"]


def put(lab: Lab, name: str, source: str) -> None:
    """Put a source in the place of an exercise's cell; under another name, at the end."""
    path = lab.notebook_path()
    notebook = json.loads(path.read_text("utf-8"))
    if name in lab.names:
        cell = next(c for c in notebook["cells"] if c["id"] == f"exercise-{name}")
        cell["source"] = source
    else:
        notebook["cells"].append(code_cell(source))
    path.write_text(json.dumps(notebook), "utf-8")


@functools.cache
def _fresh(lab: Lab) -> str:
    """The notebook that a learner starts from; made once, since its transcripts take time."""
    return generate.to_text(generate.learners(lab))


def reference(lab: Lab, name: str) -> str:
    """The package's own function, as an answer."""
    return exercises.solution(lab.exercise(name))


def results_of(lab: Lab, name: str, source: str) -> list[Result]:
    """What the checks of one exercise say about `source`."""
    answers = answers_of(lab, source)
    return list(grade(lab, answers, [c for c in lab.checks if c.exercise == name]))


def answers_of(lab: Lab, *sources: str) -> Answers:
    """The answers in cells with these sources."""
    cells = [Cell(f"cell {number}", source) for number, source in enumerate(sources, 1)]
    return read_cells(cells, [exercise.name for exercise in lab.exercises])


def run_pytest(lab: Lab, *options: str, cwd: Path | None = None) -> subprocess.CompletedProcess:
    """`pytest labs/NN` in the checkout of `lab`."""
    command = [sys.executable, "-m", "pytest", "-p", "no:anyio"]
    command += ["-p", "minicontainer.workshop.plugin", str(lab.directory), *options]
    return _run(command, cwd or lab.root)


def run_workshop(lab: Lab, *arguments: str) -> subprocess.CompletedProcess:
    """`./workshop ARGUMENTS` in the checkout of `lab`."""
    return _run([sys.executable, "-m", "minicontainer.workshop", *arguments], lab.root)


def in_checkout(lab: Lab, program: str) -> subprocess.CompletedProcess:
    """A program of a few lines, run where a learner is."""
    return _run([sys.executable, "-c", program], lab.root)


def _run(command: list[str], cwd: Path) -> subprocess.CompletedProcess:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "MINICONT"))}
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False
    )

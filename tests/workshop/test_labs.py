"""The lint of the labs: whatever lab exists, it keeps what the workshop promises."""

from __future__ import annotations

import ast
import functools
import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from minicontainer.workshop.authoring import generate
from minicontainer.workshop.authoring.page import parse
from minicontainer.workshop.grading.grader import grade
from minicontainer.workshop.labs import exercises
from minicontainer.workshop.labs.lab import Lab, LabError
from minicontainer.workshop.labs.notebook_answers import read_cells, saved_answers
from minicontainer.workshop.labs.renewal import hashes
from tests.pictures.svg_checks import hard_to_read

from .learner import LABS, ROOT, checkout, run_pytest

each_lab = pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.id)


@each_lab
def test_solutions_pass(lab: Lab) -> None:
    names = [exercise.name for exercise in lab.exercises]
    answers = saved_answers(lab, "solutions")
    assert sorted(answers.written()) == sorted(names)
    missed = [result for result in grade(lab, answers) if not result.passed]
    assert not missed


@each_lab
def test_stubs_are_not_started_on_one_screen(lab: Lab, tmp_path: Path) -> None:
    done = run_pytest(checkout(tmp_path, lab))
    assert done.returncode == 1
    assert done.stdout.count("not started") == len(lab.exercises)
    assert "Traceback" not in done.stdout + done.stderr
    assert len(done.stdout.splitlines()) <= 24


@each_lab
def test_every_exercise_is_complete(lab: Lab) -> None:
    assert 50 <= lab.minutes <= 95
    for exercise in lab.exercises:
        pieces = exercises.cut(exercise)
        assert pieces.lines <= 25, exercise.name
        assert len(exercise.hints) == 3, exercise.name
        _can_be_read(exercise.hints[2])
        assert exercise.minutes > 0 and exercise.spec, exercise.name
        assert lab.points(exercise.name) >= 2, exercise.name
        assert sum(c.exercise == exercise.name for c in lab.checks) >= 2, exercise.name


def _can_be_read(hint: str) -> None:
    """The last hint is nearly the code: in lines as code has them, and … for what is left to do."""
    assert "…" in hint, hint
    assert all(len(line) <= 76 for line in hint.splitlines()), hint
    statements = ast.parse(hint.replace("…", "...")).body
    assert len({statement.lineno for statement in statements}) == len(statements), hint


def test_every_lab_can_be_read() -> None:
    assert [lab.directory for lab in LABS] == sorted(
        toml.parent for toml in ROOT.glob("labs/[0-9][0-9]/lab.toml")
    )


def test_exercises_have_names_of_their_own() -> None:
    names = [exercise.name for lab in LABS for exercise in lab.exercises]
    assert len(names) == len(set(names))


@each_lab
def test_page_has_every_exercise_once_in_order(lab: Lab) -> None:
    blocks = parse((lab.directory / "lab.md").read_text("utf-8"), "lab.md")
    named = [block.text for block in blocks if block.kind == "exercise"]
    assert named == [exercise.name for exercise in lab.exercises]
    kinds = [block.kind for block in blocks]
    assert kinds.count("setup") == 1
    assert kinds.index("setup") < kinds.index("exercise")


@each_lab
def test_what_a_page_names_is_in_the_notebook(lab: Lab) -> None:
    """Names in backquotes that are called, or begin with a capital, and that are the package's."""
    page = re.sub(r"```.*?```", "", (lab.directory / "lab.md").read_text("utf-8"), flags=re.DOTALL)
    heads = [exercises.cut(exercise).head for exercise in lab.exercises]
    spans = re.findall(r"`([^`\n]+)`", "\n".join([page, *heads]))
    named = {
        name
        for span in spans
        for name in re.findall(r"(?<![\w./$-])([A-Z]\w+(?!\w|:)|\w+(?=\())", span)
    }
    setup = ast.parse(exercises.imports(lab.exercises))
    aliases = [alias for node in setup.body for alias in getattr(node, "names", [])]
    here = {alias.asname or alias.name for alias in aliases} | set(lab.names)
    assert named & _names_of_the_package() - here - NO_NAMES == set(), "not in the set-up"


#: an address in transcripts; and what the first cell makes besides the imports
NO_NAMES = {"HOST", "check"}


@functools.cache
def _names_of_the_package() -> set[str]:
    """What modules of the book, and below it, define for others."""
    places = ("errors.py", "lib/*.py", "step*/*.py")
    files = [file for place in places for file in (ROOT / "minicontainer").glob(place)]
    nodes = [node for file in files for node in ast.parse(file.read_text("utf-8")).body]
    kinds = (ast.FunctionDef, ast.ClassDef)
    named = {node.name for node in nodes if isinstance(node, kinds)}
    named |= {ast.unparse(n.targets[0]) for n in nodes if isinstance(n, ast.Assign)}
    return {name for name in named if not name.startswith("_")}


@each_lab
def test_pictures_say_in_words_what_is_seen(lab: Lab) -> None:
    cells = json.loads(lab.notebook_path("labs").read_text("utf-8"))["cells"]
    text = "".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    described = re.findall(r"!\[[^\]]{20,}\]\((pictures/.+?)\)", text)
    assert described, "a lab opens with a picture of the way"
    there = {f"pictures/{path.name}" for path in lab.directory.glob("pictures/*")}
    assert set(described) == there


@each_lab
def test_pictures_are_seen_in_the_light_and_in_the_dark(lab: Lab) -> None:
    for path in lab.directory.glob("pictures/*.svg"):
        picture = path.read_text("utf-8")
        assert "9999V9999" not in picture and not hard_to_read(picture), path.name


@each_lab
def test_page_opens_with_goal_picture_and_question(lab: Lab) -> None:
    first, setup, question = json.loads(lab.notebook_path("labs").read_text("utf-8"))["cells"][:3]
    assert "When this lab is done" in first["source"][2] and "pictures/1.svg" in str(first)
    assert setup["metadata"] == {"jupyter": {"source_hidden": True}}
    assert setup["source"][0].startswith("# Run this cell first")
    assert question["cell_type"] == "markdown" and "?" in "".join(question["source"])


@each_lab
def test_page_fits_and_leads_on(lab: Lab) -> None:
    cells = json.loads(lab.notebook_path("labs").read_text("utf-8"))["cells"]
    code = [line for cell in cells if cell["cell_type"] == "code" for line in cell["source"]]
    assert not [line for line in code if len(line.rstrip()) > 100], "cut off at the right"
    text = "".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    links = re.findall(r"[^!]\[[^\]]+\]\((\.\./[^)]+)\)", text)
    for start in (lab.directory, lab.notebook_path("solutions").parent):
        assert [link for link in links if not (start / link).exists()] == []
    assert lab is LABS[-1] or any(link.endswith(".ipynb") for link in links)


@each_lab
def test_learners_notebook_is_what_the_generator_makes(lab: Lab) -> None:
    _skip_without_programs(lab)
    committed = lab.notebook_path("labs").read_text("utf-8")
    made, drawn = generate.learners_and_pictures(lab)
    assert committed == generate.to_text(made), "run the generator"
    there = {f"pictures/{p.name}": p.read_text("utf-8") for p in lab.directory.glob("pictures/*")}
    assert there == drawn, "run the generator"
    known = (lab.directory / "lab.editions").read_text("ascii").split()
    assert known == sorted(set(known) | hashes(made["cells"])), "run the generator"


@pytest.mark.slow
@each_lab
def test_solution_runs_in_a_kernel_and_is_what_the_generator_makes(lab: Lab) -> None:
    _skip_without_programs(lab)
    path = lab.notebook_path("solutions")
    made = generate.executed(generate.to_text(generate.solution(lab)), path.parent)
    assert path.read_text("utf-8") == made, "run the generator"


def _skip_without_programs(lab: Lab) -> None:
    """The pages show what real tools print, so generating them needs these tools."""
    page = (lab.directory / "lab.md").read_text("utf-8")
    for program in re.findall(r'shell\("(\w+)', page):
        if shutil.which(program) is None:
            pytest.skip(f"not installed: {program}")


#: a laptop that is no Linux: what its Python has not got, and where it says it is
ELSEWHERE = """
import os, sys, types
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in ("fcntl", "pwd", "grp", "resource", "termios", "pty", "ctypes", "_ctypes"):
            raise ModuleNotFoundError(f"No module named {name!r} (blocked by a test)", name=name)
sys.meta_path.insert(0, Missing())
sys.platform = "darwin"
proxies = sys.modules["_scproxy"] = types.ModuleType("_scproxy")  # urllib's, on macOS only
proxies._get_proxy_settings = proxies._get_proxies = dict
for name in ("fork", "mknod", "setresuid", "getxattr", "setxattr", "listxattr", "pidfd_open"):
    if hasattr(os, name):
        delattr(os, name)
"""


@pytest.mark.parametrize(
    "lab", [lab for lab in LABS if lab.id in ("03", "04", "05")], ids=lambda lab: lab.id
)
def test_images_registries_and_auth_need_no_linux(lab: Lab, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "sitecustomize.py").write_text(ELSEWHERE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    answers = saved_answers(lab, "solutions")
    missed = [result for result in grade(lab, answers) if not result.passed]
    assert not missed


@each_lab
def test_labs_that_need_linux_say_what_to_do_elsewhere(lab: Lab) -> None:
    needs_linux = lab.id in ("01", "02", "06")
    assert bool(lab.elsewhere) == needs_linux
    assert lab.elsewhere[1:] in lab.notebook_path("labs").read_text("utf-8")


def test_a_lab_that_needs_linux_is_not_graded_elsewhere(monkeypatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    lab = next((lab for lab in LABS if lab.elsewhere), None)
    if lab is None:
        pytest.skip("no lab needs Linux")
    answers = read_cells([], [exercise.name for exercise in lab.exercises])
    with pytest.raises(LabError, match=re.escape(lab.elsewhere)):
        next(grade(lab, answers))

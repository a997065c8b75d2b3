"""A notebook with what was an exercise once: the learner's text stays, and the commands say so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from minicontainer.workshop.labs.lab import Lab
from minicontainer.workshop.labs.notebook_answers import saved_answers
from minicontainer.workshop.labs.notebook_files import source
from minicontainer.workshop.labs.renewal import Renewal
from tests.programs import needs_namespaces

from .learner import LABS, checkout, code_cell, fresh_cells, put, reference, run_workshop

RETIRED = [(lab, name) for lab in LABS for name in lab.retired]
#: the stubs as they last were, without their bodies
STUBS = {
    "list_containers": '''# Exercise 02.8 · list_containers
def list_containers(root: str) -> list[dict]:
    """The states of all containers under the directory `root`, sorted by id.

    The list is empty when there is no such directory. What is damaged, half
    made or no container at all is left out.
    Source: runc(8), `list`.
    """
''',
    "limit_pids": '''# Exercise 02.11 · limit_pids
def limit_pids(cgroup: dict, maximum: int) -> None:
    """At most `maximum` processes and threads at once; 0 or less: no limit.

    The file pids.max of the controller "pids" takes the number, or the word
    max; it is the same in both versions of cgroups. At the limit, fork(2)
    fails with EAGAIN.

    Raises ContainerError.
    Spec: runtime-spec, config-linux.md, "PIDs"; cgroup-v1/pids.rst.
    """
''',
}
SIZES = {"list_containers": 7, "limit_pids": 1}


def older(lab: Lab, name: str, body: str) -> list[dict]:
    """The cells of a notebook that has the exercise, with this body, below its last one."""
    cells = fresh_cells(lab)
    at = next(n for n, cell in enumerate(cells) if cell["id"] == f"check-{lab.names[-1]}") + 1
    own = {**code_cell(STUBS[name] + body), "id": f"exercise-{name}"}
    return [*cells[:at], own, {**code_cell(f"check({name})"), "id": f"check-{name}"}, *cells[at:]]


@pytest.mark.parametrize(("lab", "name"), RETIRED)
def test_update_keeps_what_was_written_and_drops_what_was_not(lab: Lab, name: str) -> None:
    fresh = fresh_cells(lab)
    size = f"    # about {SIZES[name]} line{'s' if SIZES[name] > 1 else ''}\n"
    empty = older(lab, name, f"{size}    raise NotImplementedError")
    assert Renewal(lab, fresh).merged(empty) == fresh
    written = older(lab, name, "    return 'MINE'")
    kept = [source(cell) for cell in Renewal(lab, fresh).merged(written)]
    assert [text for text in kept if text not in map(source, fresh)] == [
        STUBS[name] + "    return 'MINE'"
    ]


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """Lab 02 with an answer to one that is an exercise and to one that was."""
    lab02 = next(lab for lab in LABS if lab.id == "02")
    made = checkout(tmp_path, lab02)
    notebook = json.loads(made.notebook_path().read_text("utf-8"))
    answer = "    return [state(root, id) for id in os.listdir(root)]"
    notebook["cells"] = older(lab02, "list_containers", answer)
    made.notebook_path().write_text(json.dumps(notebook), "utf-8")
    put(made, "kill", reference(lab02, "kill"))
    return made


@needs_namespaces
def test_the_others_are_graded_as_ever(lab: Lab) -> None:
    done = run_workshop(lab, "check", "02", "kill")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "list_containers is no exercise any more" in done.stdout


@pytest.mark.parametrize("command", ["check", "hint", "reset"])
def test_commands_say_that_it_is_none_any_more(lab: Lab, command: str) -> None:
    done = run_workshop(lab, command, "02", "list_containers")
    assert "lab 02: list_containers is no exercise any more" in done.stdout + done.stderr
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert "return [state(root, id) for id" in lab.notebook_path().read_text("utf-8")


def test_what_is_written_is_said_to_be_the_learners(lab: Lab) -> None:
    notes = saved_answers(lab).notes
    assert notes == [
        "list_containers is no exercise any more; if you wrote it, it stays as a helper of your own"
    ]

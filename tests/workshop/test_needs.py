"""What pages and slides run: it is in the list of needs, or the kit brings it, or they say so."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from minicontainer.workshop import needs
from minicontainer.workshop.labs.lab import Lab
from slides.deck import commands_of, read_decks
from tests.programs import needs_namespaces

from .learner import LABS, ROOT

OURS = {"minicontainer", "minirunc", "python"}
SHELLS = {"cd", "command", "do", "done", "echo", "exit", "export", "for", "in", "kill", "printf"}
#: every code cell but the checks, as the solutions' notebook has them
PLAY = """
import json, subprocess, sys
for cell in json.load(open(sys.argv[1]))["cells"]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "code" and not source.startswith(("check(", "progress(")):
        print(">>>", source.partition("\\n")[0], flush=True)
        if source.startswith("%%sh"):
            subprocess.run(["sh", "-c", source.partition("\\n")[2]], check=True)
        else:
            exec(source)
{more}
"""


@pytest.mark.slow
@needs_namespaces
@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.id)
def test_a_page_runs_with_what_is_listed(lab: Lab, tmp_path: Path) -> None:
    for program in needs.PROGRAMS:
        (tmp_path / program).symlink_to(shutil.which(program) or program)
    notebook = lab.notebook_path("solutions")
    more = "scenes.side_by_side()" if lab.id == "01" else ""
    done = subprocess.run(
        [sys.executable, "-c", PLAY.replace("{more}", more), notebook.name],
        cwd=notebook.parent,
        env={
            **os.environ,
            "PATH": f"{os.path.dirname(sys.executable)}:{tmp_path}",
            "PYTHONPATH": str(ROOT),
            "XDG_DATA_HOME": str(tmp_path / "data"),
            "MINICONTAINER_ANSWERS": "solutions",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    helpful = "|".join(needs.HELPFUL)
    said = re.sub(rf"\((?:{helpful}) is not installed here\)", "", done.stdout)
    assert not re.search(r"not (found|installed)|No such .*program", said), done.stdout


def called(command: str) -> set[str]:
    """The programs that a shell command calls, without the words in quotes."""
    command = re.sub(r"<<'(\w+)'\n.*?^\1$", "", command, flags=re.MULTILINE | re.DOTALL)
    command = re.sub(r"'[^']*'|\"(?:[^\"$]|\$(?!\())*\"", "", command)
    first = r"(?:^|[|;&{(])\s*(?:do\s+)?(?:\w+=[^\s(]*\s+)*([a-z][\w.-]*)(?!\S*\(\))"
    return set(re.findall(first, command, flags=re.MULTILINE)) - SHELLS - OURS


def test_the_programs_of_a_command_are_found() -> None:
    line = """A=b cp x y && mkdir d; Q=$(jq 'a | b' f) | wc -l; for x in y; do find $x; done"""
    assert called(line) == {"cp", "mkdir", "jq", "wc", "find"}
    assert called("get() { curl -s x; }\nget a | sort") == {"curl", "get", "sort"}


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.id)
def test_what_a_page_shows_is_listed(lab: Lab) -> None:
    page = (lab.directory / "lab.md").read_text("utf-8")
    listed = {*needs.PROGRAMS, *needs.HELPFUL}
    if "`unshare` is in every distribution" in page:
        listed.add("unshare")
    for line in re.findall(r"""shell\((["'])(.*)\1""", page):
        assert called(line[1].replace('", "', "; ")) <= listed


def test_what_the_slides_call_is_listed() -> None:
    readme = (ROOT / "slides/README.md").read_text("utf-8")
    [named] = re.findall(r"They call, beside the kit: ([^.]*)\.", readme)
    listed = {*needs.PROGRAMS, *re.findall(r"[a-z0-9]+", named)}
    for deck in read_decks("en"):
        script = "\n".join(command.text for block in deck.demos for command in commands_of(block))
        own = set(re.findall(r"^\w+(?=\(\))|(?<=> bin/)\S+", script, flags=re.MULTILINE))
        assert called(script) - own <= listed, deck.path.name

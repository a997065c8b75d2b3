"""A notebook of an earlier edition with an exercise that is none any more: nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from minicontainer.workshop.labs.lab import Lab
from minicontainer.workshop.labs.notebook_files import source
from tests.programs import needs_namespaces

from .learner import LABS, checkout, reference, results_of, run_pytest, run_workshop

LAB06 = next(lab for lab in LABS if lab.id == "06")
STUB = """# Exercise 06.5 · bundle_from_image
def bundle_from_image(
    image: ImageConfig, container: str, id: str, options: Options, rootless: bool
) -> dict[str, Any]:
    \"\"\"The runtime configuration for a container of `image`, made a bundle.

    It begins with what the engine gives to every container. Behind the mounts that
    are there already come the network's files, and then the user's volumes in their
    order. Over all this goes the image's config, changed by the user's options. The
    result is written as JSON to `container`/config.json, and returned; the root
    filesystem is at `container`/rootfs.

    `id` is the container's id; `rootless` says that the caller is root of
    a user namespace only.
    Raises BadOption, and ImageError for a user that the image does not have.
    Spec: image-spec, conversion.md; runtime-spec, bundle.md.
    \"\"\"
    # about 7 lines
    raise NotImplementedError"""
MINE = f"""{STUB.partition("    raise")[0]}    Path(container, "mine").touch()
    base = engine_defaults(options, id, rootless)
    base["mounts"] += network_files(container, base["hostname"], options.network)
    base["mounts"] += [bind_mount(volume) for volume in options.volumes]
    config = to_runtime_config(with_options(image, options), base, Path(container, "rootfs"))
    Path(container, "config.json").write_text(json.dumps(config))
    return config"""
#: asks whether the learner's own function is called
ASKING = ("status = run_bundle(", "Path(bundle, {name!r}).stat()\n        status = run_bundle(")
OLDER = (Path(__file__).parent / "older_cells/06.txt").read_text()


def _notebook(tmp_path: Path, cell: str, seen: str) -> Lab:
    """An earlier edition's notebook: with `cell`, and a run_container that looks for a file."""
    asked = reference(LAB06, "run_container").replace(ASKING[0], ASKING[1].format(name=seen))
    lab = checkout(tmp_path, LAB06, {"run_container": asked})
    notebook = json.loads(lab.notebook_path().read_text("utf-8"))
    cells = notebook["cells"]
    at = next(n for n, one in enumerate(cells) if one["id"] == "exercise-run_bundle")
    empty = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
    cells[at:at] = [
        {**empty, "id": "exercise-bundle_from_image", "source": cell},
        {**empty, "id": "check-bundle_from_image", "source": "check(bundle_from_image)"},
    ]
    next(one for one in cells if one["id"] == "setup")["source"] = OLDER
    notebook["cells"] = [one for one in cells if not one["id"].endswith("-clean_up")]
    lab.notebook_path().write_text(json.dumps(notebook), "utf-8")
    return lab


def _cells(lab: Lab) -> list[str]:
    return [source(cell) for cell in json.loads(lab.notebook_path().read_text("utf-8"))["cells"]]


@needs_namespaces
@pytest.mark.parametrize(("cell", "seen"), [(STUB, "config.json"), (MINE, "mine")])
def test_its_other_answers_are_graded_with_it_or_with_ours(
    tmp_path: Path, cell: str, seen: str
) -> None:
    """What was never written is the package's; what was written is the learner's helper."""
    lab = _notebook(tmp_path, cell, seen)
    assert "✓ 06.8 run_container" in run_pytest(lab).stdout
    assert run_workshop(lab, "update", "06").returncode == 0
    shown = run_pytest(lab).stdout
    assert "✓ 06.8 run_container" in shown and "earlier edition" not in shown


@pytest.mark.parametrize(
    ("body", "whose"), [("raise NotImplementedError", "ours"), ("pass", "mine"), ("", "mine")]
)
def test_only_a_stub_of_ours_gives_way(body: str, whose: str) -> None:
    """Also if no exercise uses it any more. What a learner has that does nothing stays."""
    mine = f'def network_files(container):\n    """mine"""\n    {body}\n\n'
    asked = f"    assert ('mine' in network_files.__doc__) is {whose == 'mine'}\n    parts ="
    answer = mine + reference(LAB06, "bind_mount").replace("    parts =", asked)
    assert {one.outcome for one in results_of(LAB06, "bind_mount", answer)} == {"passed"}


def test_update_takes_away_only_what_was_not_written(tmp_path: Path) -> None:
    lab = _notebook(tmp_path / "written", MINE, "mine")
    assert "yours stays" in run_workshop(lab, "update", "06").stdout
    assert MINE in _cells(lab)
    lab = _notebook(tmp_path / "stub", STUB, "config.json")
    assert run_workshop(lab, "update", "06").returncode == 0
    cells = _cells(lab)
    assert STUB not in cells and "check(bundle_from_image)" not in cells
    assert "from pathlib import Path" in cells  # his run_container uses it
    assert sum("def clean_up(" in cell for cell in cells) == 1


def test_imports_that_the_first_cell_has_no_longer_stay_where_they_are_used(tmp_path: Path) -> None:
    mine = "def mine(clean):\n    return Caretaker, Foreground, Path, re, 'json', becalmed"
    lab = checkout(tmp_path, LAB06, {"mine": mine})
    document = json.loads(lab.notebook_path().read_text("utf-8"))
    first = next(one for one in document["cells"] if one["id"] == "setup")
    gone = "from minicontainer.step06_run.engine import becalmed"
    first["source"] = f"import re\n{gone}\n{OLDER}"
    lab.notebook_path().write_text(json.dumps(document), "utf-8")
    assert "in a cell below it now" in run_workshop(lab, "update", "06").stdout
    cells = _cells(lab)
    below = cells[next(n for n, cell in enumerate(cells) if "import begin" in cell) + 1]
    assert below == f"from pathlib import Path\nimport re\n{gone}"
    assert "nothing is changed" in run_workshop(lab, "update", "06").stdout
    assert "earlier edition" not in run_workshop(lab, "check", "06", "snapshot").stdout


def test_a_check_of_it_is_answered_in_words(tmp_path: Path) -> None:
    done = run_workshop(_notebook(tmp_path, STUB, ""), "check", "06", "bundle_from_image")
    assert "there is no exercise 'bundle_from_image'" in done.stdout + done.stderr

"""check, hint, compare and progress in a real kernel, and in a real JupyterLab."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from minicontainer.workshop import notebook
from minicontainer.workshop.labs import exercises
from minicontainer.workshop.labs.exercises import undescribed
from minicontainer.workshop.labs.lab import Lab
from minicontainer.workshop.open_labs import settings
from tests.programs import needs
from tests.waiting import HANG, until

from .learner import LAB03, ROOT, checkout, code_cell, reference
from .wrong_answers import wrong_answer

WRONG = wrong_answer(LAB03, "algorithm-forgotten").source
RIGHT = reference(LAB03, "digest_of")
HINT = LAB03.misconceptions["algorithm-forgotten"].hint


def _run(lab: Lab, *cells: str) -> list[str]:
    """What each of the cells shows as text, after the notebook's first cell."""
    import nbformat
    from nbclient import NotebookClient

    setup = next(
        c for c in json.loads(lab.notebook_path().read_text())["cells"] if c["id"] == "setup"
    )
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}}
    notebook["cells"] = [code_cell("".join(setup["source"])), *map(code_cell, cells)]
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = f"cell-{number}"
    node = nbformat.from_dict(notebook)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MINICONTAINER_")}
    environment["PYTHONPATH"] = str(ROOT)
    client = NotebookClient(node, timeout=60, allow_errors=True, kernel_name="python3")
    client.execute(cwd=str(lab.directory), env=environment)
    return [_text(cell) for cell in node.cells[1:]]


def _text(cell) -> str:
    shown = [
        output.get("data", {}).get("text/plain", output.get("text", "")) for output in cell.outputs
    ]
    return "\n".join(shown)


@pytest.fixture(scope="module")
def session(tmp_path_factory) -> dict[str, str]:
    """One kernel through a learner's hour: what each step shows."""
    lab = checkout(tmp_path_factory.mktemp("kernel"))
    steps = {
        "early": "check(digest_of)",
        "other": "nonsense",
        "wrong": WRONG,
        "failed": "check(digest_of)",
        "hint": "hint(digest_of)",
        "next hint": "hint('digest_of')",
        "asked": "compare(digest_of)",
        "right": RIGHT,
        "passed": "check(digest_of)",
        "compared": "compare(digest_of)",
        "progress": "progress()",
        "unknown": "hint('nothing')",
        "unnamed": "hint()",
        "all": "check()",
        "stub": exercises.stub(LAB03.exercise("read_blob")),
        "unwritten": "read_blob(None, {})",
        "mine": "%%sh\necho minicontainer --mine",
        "foreign": "def other():\n    raise NotImplementedError\nother()",
        "lambda": "digest_of = lambda c: f'sha256:{hashlib.sha256(c).hexdigest()}'",
        "by a lambda": "check(digest_of)",
        "variable": "digest_of = {}",
        "a variable": "check(digest_of)",
    }
    return dict(zip(steps, _run(lab, *steps.values()), strict=True))


def test_check_before_anything_is_run(session) -> None:
    assert "does not know digest_of yet: run its cell" in session["early"]
    assert session["other"] == ""


def test_check_tells_what_failed(session) -> None:
    assert "03.1 digest_of   0 / 2 points" in session["failed"]
    assert "✗ a digest names the algorithm and the hash" in session["failed"]
    assert HINT in session["failed"]


def test_hints_come_one_after_the_other(session) -> None:
    assert session["hint"].startswith("hint 1 of 3")
    assert session["next hint"].startswith("hint 2 of 3")


def test_compare_wants_to_be_asked_twice_or_passed(session) -> None:
    assert "does not pass yet" in session["asked"]
    assert "hashlib.sha256(content).hexdigest()}" in session["compared"]


def test_check_passes_and_says_that_the_file_differs(session) -> None:
    assert "03.1 digest_of   2 / 2 points" in session["passed"]
    assert "The saved notebook has another digest_of: save it" in session["passed"]
    assert "Next: read_blob" in session["passed"]


def test_a_lambda_is_checked_and_a_variable_is_called_what_it_is(session) -> None:
    assert "03.1 digest_of   2 / 2 points" in session["by a lambda"]
    assert "the name digest_of stands for something else from here on" in session["a variable"]


def test_progress_and_errors_are_told_plainly(session) -> None:
    assert "✓ 03.1 digest_of" in session["progress"]
    assert "○ 03.2 read_blob" in session["progress"]
    assert "there is no exercise 'nothing'" in session["unknown"]
    assert "which exercise? For example hint" in session["unnamed"]
    assert "There are: digest_of, read_blob" in session["unnamed"]
    total = LAB03.points("to_runtime_config")
    assert f"03.9 to_runtime_config   0 / {total} points" in session["all"]


def test_a_function_not_written_yet_is_told_in_a_sentence(session) -> None:
    told = "read_blob is not written yet. Write it, run its cell, then this one again."
    assert session["unwritten"] == told
    assert session["foreign"] == "", "a traceback is IPython's own"


def test_running_the_saved_functions_reminds_of_what_is_not_saved(session) -> None:
    assert session["mine"].splitlines() == [
        "The saved notebook has another digest_of: save it (Ctrl+S).",
        "minicontainer --mine",
    ]


def test_compare_shows_bodies_side_by_side_only_where_there_is_room() -> None:
    short, long = 'def f():\n    """Not shown."""\n    return 1', f"def f():\n    return {'x' * 80}"
    beside, text = notebook._compared([undescribed(short)] * 2, "ours")
    assert "flex-wrap" in beside and "Not shown" not in beside + text
    below, text = notebook._compared([undescribed(short), long], "ours")
    assert text.splitlines() == [
        "--- yours",
        "+++ ours",
        " def f():",
        "-    return 1",
        f"+    return {'x' * 80}",
    ]
    assert "white-space: pre;" in below, "no word is broken"
    assert notebook._compared([long, long], "ours")[1].startswith("  the same as ours\n def f():")


def test_what_is_compared_is_the_function_alone() -> None:
    source = '# Exercise\ndef f(a):\n    """It."""\n    # why\n    return a'
    assert undescribed(source) == "def f(a):\n    # why\n    return a"
    assert undescribed('def f(a): """It."""') == ""
    assert notebook._compared(["", "def f(): pass"], "ours")
    assert undescribed("def f(:") == "def f(:"
    assert undescribed("(nothing yet)") == "(nothing yet)"


@contextlib.contextmanager
def jupyterlab(root: Path, home: Path) -> Iterator[str]:
    """A JupyterLab below `root`; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = [f"--ServerApp.port={port}", "--no-browser", "--IdentityProvider.token=x"]
    options += ["--allow-root", f"--ServerApp.root_dir={root}", "--log-level=ERROR"]
    options += [option for option in settings() if "hide_globs" in option]
    environment = {
        **os.environ,
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "JUPYTER_PREFER_ENV_PATH": "1",
    }
    process = subprocess.Popen([sys.executable, "-m", "jupyterlab", *options], env=environment)
    try:
        until(lambda: _answers(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


@needs("chromium")
@pytest.mark.slow
def test_lab_in_a_real_browser(tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    lab = checkout(tmp_path)
    pictures = Path(os.environ.get("WORKSHOP_SCREENSHOTS", str(tmp_path)))
    pictures.mkdir(exist_ok=True)
    _settings(tmp_path, "light")
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with jupyterlab(tmp_path, tmp_path) as address, sync_api.sync_playwright() as playwright:
        program = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=program, args=options)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(1000 * HANG)
        page.goto(f"{address}/lab/tree/labs/03/{lab.notebook}?token=x")
        _work_through(page, pictures)
        saved = until(lambda: "hexdigest()}" in lab.notebook_path().read_text("utf-8"))
        assert saved, "it was not saved"
        _settings(tmp_path, "dark")
        page.reload()
        _look_again(page, pictures)
        browser.close()


def _settings(home: Path, theme: str) -> None:
    settings = home / ".jupyter/lab/user-settings/@jupyterlab/apputils-extension"
    settings.mkdir(parents=True, exist_ok=True)
    look = {"theme": f"JupyterLab {theme.title()}"}
    (settings / "themes.jupyterlab-settings").write_text(json.dumps(look))
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')


def _work_through(page, pictures: Path) -> None:
    """Type a wrong answer, see the hint; type the right one, see it pass; use a widget."""
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    page.get_by_text("Python 3", exact=False).first.wait_for()
    page.get_by_role(
        "heading", name="What is an image?"
    ).wait_for()  # the imports above it are folded
    page.screenshot(path=pictures / "light-1-opened.png")
    assert sorted(page.locator(".jp-DirListing-itemName").all_inner_texts()) == [
        "image.ipynb",
        "pictures",
    ]
    assert page.locator(".jp-mod-dirty").count() == 0, "opening it has changed it"
    _run_cell(page, "Run this cell first")
    page.get_by_text("Lab 03 is ready.").wait_for()
    _run_cell(page, "scenes.browser()")
    menus = page.locator(".widget-dropdown select")
    menus.nth(1).select_option("linux/amd64")
    menus.nth(2).select_option("config")
    page.locator(".jupyter-widgets pre").filter(has_text="Entrypoint").wait_for()
    page.screenshot(path=pictures / "light-2-widget.png")
    _type_into(page, "Exercise 03.1", WRONG)
    _run_cell(page, "check(digest_of)")
    page.get_by_text(HINT).wait_for()
    page.screenshot(path=pictures / "light-3-failed.png")
    _type_into(page, "def digest_of", RIGHT)
    _run_cell(page, "check(digest_of)")
    page.get_by_text("2 / 2 points").wait_for()
    page.screenshot(path=pictures / "light-4-passed.png")
    _type_into(page, "check(digest_of)", "compare(digest_of)")
    page.get_by_text("the same as the package").wait_for()
    page.screenshot(path=pictures / "light-4-compared.png")
    _type_into(page, "compare(digest_of)", "check(digest_of)")
    page.get_by_text("2 / 2 points").wait_for()
    _run_cell(page, "tempfile.mkdtemp()")
    page.get_by_text("This kernel does not know resolve yet").wait_for()
    assert page.get_by_text("Traceback").count() == 0
    _run_cell(page, "scenes.layer_table()")
    page.get_by_text("root filesystem", exact=True).first.wait_for()
    page.screenshot(path=pictures / "light-5-layers.png")
    page.keyboard.press("Control+s")


def _look_again(page, pictures: Path) -> None:
    """After a reload, in the dark: what was shown is still there."""
    page.locator("body[data-jp-theme-light=false]").wait_for(state="attached")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    page.screenshot(path=pictures / "dark-1-opened.png")
    _cell(page, "check(digest_of)").get_by_text("2 / 2 points").wait_for()
    page.screenshot(path=pictures / "dark-2-passed.png")
    _run_cell(page, "check(read_blob)")
    page.get_by_text("does not know read_blob yet").wait_for()
    page.screenshot(path=pictures / "dark-3-not-run.png")


def _cell(page, text: str):
    """The code cell that holds `text`; the notebook is scrolled until it is there."""
    cells = page.locator(".jp-CodeCell").filter(has_text=text)
    page.locator(".jp-WindowedPanel-outer").first.hover()
    for _ in range(400):
        if cells.count():
            cells.first.scroll_into_view_if_needed()
            return cells.first
        page.mouse.wheel(0, 500)
        page.wait_for_timeout(50)
    raise AssertionError(f"no cell with {text!r}")


def _run_cell(page, text: str) -> None:
    _cell(page, text).locator(".cm-content:visible, .jp-InputPlaceholder").first.click()
    page.keyboard.press("Shift+Enter")
    page.wait_for_timeout(500)


def _type_into(page, text: str, source: str) -> None:
    _cell(page, text).locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(source)
    page.keyboard.press("Control+Enter")
    page.wait_for_timeout(300)

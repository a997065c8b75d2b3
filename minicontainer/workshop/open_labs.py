"""Open the labs: JupyterLab, with the kit's registry and its images beside it.

In: arguments for JupyterLab, handed on as they are. Out: its exit status. The
registry's address is in the environment of every notebook, as
MINICONTAINER_REGISTRY. Ctrl-C, a closed terminal and a kill end both; JupyterLab
has a session of its own, so that it is asked to end once and by us only.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from minicontainer.registry.mirror import REGISTRY_VARIABLE, embedded_registry
from minicontainer.workshop.labs.lab import find_root

FIRST_PAGE = "labs/README.md"
#: what a learner's list of files leaves out (it can still be opened): the answers, and all of a
#: lab but its notebook and pictures. A module that a learner puts beside them is listed.
LEFT_OUT = (
    *("solutions", "tests", "setup", "pyproject.toml", "*.lock", "__pycache__", "*.pyc", "*~"),
    *("lab.*", "test_*.py", "scenes.py", "acts.py", "bundles.py", "elf_files.py"),
    *("first_engine.py", "registries.py", "talk.py", "viewers.py", "AUTHORING.md"),
)


def open_labs(arguments: list[str]) -> int:
    """Run registry and JupyterLab until one of them is told to end."""
    find_root()  # before anything is begun: without labs there is nothing to open
    print("Making the images for the labs ...", file=sys.stderr, flush=True)
    with embedded_registry() as address:
        print(
            f"The labs' registry is at {address}; Ctrl-C ends it and JupyterLab.", file=sys.stderr
        )
        return run_until_told(
            [sys.executable, "-m", "jupyterlab", *settings(), *arguments],
            {**os.environ, REGISTRY_VARIABLE: address},
        )


def settings() -> list[str]:
    """JupyterLab's options: the labs' first page, no questions at the end, few words."""
    options = [
        f"--ServerApp.root_dir={find_root()}",
        f"--LabApp.default_url=/lab/tree/{FIRST_PAGE}",
        *(f"--ContentsManager.hide_globs={pattern}" for pattern in LEFT_OUT),
        "--ServerApp.answer_yes=True",
        "--LabApp.extension_manager=readonly",
        "--log-level=ERROR",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")
    if not has_screen():
        options.append("--no-browser")
    return options


def has_screen() -> bool:
    """Could a browser show itself? Without a display, one in the terminal would."""
    return sys.platform != "linux" or any(
        name in os.environ for name in ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME")
    )


def run_until_told(command: list[str], environment: dict[str, str]) -> int:
    """Run `command`; a signal that would end us ends it first. 0 if it was told to end."""
    process = subprocess.Popen(
        command,
        env=environment,
        cwd=find_root(),
        start_new_session=True,
        preexec_fn=end_with_parent if sys.platform == "linux" else None,
    )
    told: list[int] = []

    def tell(number: int, _frame: object) -> None:
        told.append(number)
        process.terminate()

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), tell)
    status = process.wait()
    return 0 if told else status


def end_with_parent() -> None:
    """In the child: be told to end when our parent is killed. Source: prctl(2)."""
    from minicontainer import linux

    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGTERM)

"""The command `minicontainer`: what docker does with images and containers, step by step.

`--mine` puts the learner's functions in the place of ours, and must do so
before the steps are imported: so every command is imported only when it runs.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from minicontainer import explain
from minicontainer.errors import MinicontainerError, ProgramNotExecutable, ProgramNotFound
from minicontainer.lib.files import HINTS
from minicontainer.lib.standard_files import drop_output, open_standard_files

from . import narrate
from .minicontainer_options import parser

#: command -> (module, function): imported when the command runs
_COMMANDS = {
    "run": ("container_commands", "run"),
    "ps": ("container_commands", "ps"),
    "rm": ("container_commands", "rm"),
    "pull": ("image_commands", "pull"),
    "images": ("image_commands", "images"),
    "inspect": ("image_commands", "inspect"),
    "rmi": ("image_commands", "rmi"),
    "tags": ("image_commands", "tags"),
    "unpack": ("image_commands", "unpack"),
    "registry": ("registry_commands", "serve"),
    "demo": ("demo", "play"),
    "chroot-demo": ("chroot_demo", "play"),
    "graph": ("picture_commands", "graph"),
    "storage": ("picture_commands", "storage"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv`; returns the exit status. Every failure is one message."""
    words = list(sys.argv[1:] if argv is None else argv)
    command = next((word for word in words if not word.startswith("-")), "")
    try:
        open_standard_files()
        status = dispatch(words)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        drop_output()
        return 141
    except OSError as error:
        drop_output()
        hint = HINTS.get(error.errno or 0, "") if error.filename else ""
        what, where = error.strerror or str(error), str(error.filename or "")
        failure = MinicontainerError(what, where, hint)
    except MinicontainerError as error:
        failure = error
    except Exception as error:
        failure = MinicontainerError(blame_of_own_functions(error))
        if not failure.what:
            raise
    print(f"minicontainer: {failure}", file=sys.stderr)
    return exit_status(failure, command)


def dispatch(words: list[str]) -> int:
    """Find the command's function, import it, and run it with `--explain` if that is wished."""
    if words[:1] == ["--mine"]:
        words = words[1:]
        use_own_functions()
    if not words:
        parser().print_help()
        return 1
    arguments, unknown = parser().parse_known_args(words)
    if unknown:
        arguments.parser.error(f"unknown option: {unknown[0]}")
    module, function = _COMMANDS[arguments.command]
    run = getattr(importlib.import_module(f"{__package__}.{module}"), function)
    if not (arguments.explain or arguments.step):
        return run(arguments)
    narrator = narrate.listen(arguments.step)
    try:
        return run(arguments)
    finally:
        narrator.finish()
        explain.listener = None


def exit_status(error: MinicontainerError, command: str) -> int:
    """The status for a failure: 1, but as docker's for `run`: 125, 126 or 127."""
    if command != "run":
        return 1
    if isinstance(error, ProgramNotFound):
        return 127
    return 126 if isinstance(error, ProgramNotExecutable) else 125


def use_own_functions() -> None:
    """Put the learner's functions in the place of ours, and say whose each is."""
    overlay = importlib.import_module("minicontainer.workshop.labs.overlay")
    print(overlay.install_mine(), file=sys.stderr)


def blame_of_own_functions(error: Exception) -> str:
    """With --mine: which of the learner's functions failed, and on which of its lines."""
    overlay = sys.modules.get("minicontainer.workshop.labs.overlay")
    return overlay.blame(error) if overlay else ""


if __name__ == "__main__":
    sys.exit(main())

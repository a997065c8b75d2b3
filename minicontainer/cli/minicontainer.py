"""The command `minicontainer`: what docker does with images and containers, step by step.

`--mine` puts the learner's functions in the place of ours, and must do so
before the steps are imported: so every command is imported only when it runs.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from minicontainer import explain
from minicontainer.errors import MinicontainerError
from minicontainer.lib.files import HINTS
from minicontainer.lib.standard_files import open_standard_files

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
}
#: commands with a parser of their own, elsewhere in the package
_ELSEWHERE = {
    "chroot-demo": ("minicontainer.cli.chroot_demo", "main"),
    "graph": ("minicontainer.cli.picture_commands", "graph_main"),
    "storage": ("minicontainer.cli.picture_commands", "storage_main"),
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
        message: object = MinicontainerError(what, where, hint)
        failure: Exception = error
    except MinicontainerError as error:
        message, failure = error, error
    except Exception as error:
        message, failure = blame_of_own_functions(error), error
        if not message:
            raise
    print(f"minicontainer: {message}", file=sys.stderr)
    return exit_status(failure, command)


def dispatch(words: list[str]) -> int:
    """Find the command's function, import it, and run it with `--explain` if that is wished."""
    if words[:1] == ["--mine"]:
        words = words[1:]
        use_own_functions()
    if words and words[0] in _ELSEWHERE:
        module, function = _ELSEWHERE[words[0]]
        return getattr(importlib.import_module(module), function)(words[1:])
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


def drop_output() -> None:
    """Standard output can't be written: let what is still to be flushed go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def exit_status(error: Exception, command: str) -> int:
    """The status for a failure: 1, but as docker's for `run`: 125, 126 or 127."""
    if command != "run":
        return 1
    kinds = importlib.import_module("minicontainer.errors")
    if isinstance(error, kinds.ProgramNotFound):
        return 127
    return 126 if isinstance(error, kinds.ProgramNotExecutable) else 125


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

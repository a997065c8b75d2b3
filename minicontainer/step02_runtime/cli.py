"""The command `minirunc`: a container runtime with runc's commands and options.

Only the beginning is here: whose functions run (`--mine`), which is decided
before any of this step is imported. The rest is in commands.py.
"""

from __future__ import annotations

import importlib
import sys

from .options import COMMANDS


def main(argv: list[str] | None = None) -> int:
    """Run the command line `argv` (default: sys.argv); its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if "--mine" in before_command(arguments):
        # a step may not know the workshop; only the learner who asks brings it in
        overlay = importlib.import_module("minicontainer.workshop.overlay")
        print(overlay.install_mine(), file=sys.stderr)
    from .commands import run_command

    return run_command(arguments)


def before_command(arguments: list[str]) -> list[str]:
    """The options that stand before the command; engines put more of them before ours."""
    places = [number for number, word in enumerate(arguments) if word in COMMANDS]
    return arguments[: places[0]] if places else arguments


if __name__ == "__main__":
    sys.exit(main())

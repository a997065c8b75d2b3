"""The command `minirunc`: a container runtime with runc's commands and options.

Only the beginning is here: whose functions run (`--mine`), which is decided
before any of this step is imported. The rest is in minirunc_commands.py.
"""

from __future__ import annotations

import sys

from minicontainer.errors import MinicontainerError
from minicontainer.lib.standard_files import open_standard_files

from .minirunc_options import IGNORED, OPTIONS


def main(argv: list[str] | None = None) -> int:
    """Run the command line `argv` (default: sys.argv); its exit status."""
    open_standard_files()
    arguments = list(sys.argv[1:] if argv is None else argv)
    if wants_mine(arguments):
        from minicontainer.workshop.labs.overlay import install_mine  # only if it is asked for

        try:
            print(install_mine(), file=sys.stderr)
        except MinicontainerError as error:
            print(f"minirunc: {error}", file=sys.stderr)
            return error.exit_status
    from .minirunc_commands import run_command

    return run_command(arguments)


def wants_mine(arguments: list[str]) -> bool:
    """Whether --mine stands before the command; engines put options of theirs before it."""
    words = iter(arguments)
    for word in words:
        if word == "--mine" or not word.startswith("-"):
            return word == "--mine"
        if OPTIONS.get(word, ("", ""))[1] or IGNORED.get(word):
            next(words, "")  # its value
    return False


if __name__ == "__main__":
    sys.exit(main())

"""What a teacher hands out: the kit in one zip file.

In: the name of the file. It holds what was committed last, so nobody's answers, and
leaves out what only the kit's authors need. Out: an exit status. Needs git.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from minicontainer.errors import MinicontainerError
from minicontainer.workshop.labs.lab import find_root

#: of no use to learners: our own tests and their settings
_AUTHORS = ("tests", ".ci", "requirements-ci.lock")


def make_bundle(arguments: list[str]) -> int:
    """Write the file. Raises MinicontainerError where this is no git clone, or git fails."""
    parser = argparse.ArgumentParser("workshop bundle", description="pack the kit for learners")
    parser.add_argument("file", metavar="OUT.zip", type=Path)
    parser.add_argument(
        "--without-solutions", action="store_true", help="leave the solved notebooks out"
    )
    options = parser.parse_args(arguments)
    left_out = [*_AUTHORS, *(["solutions"] if options.without_solutions else [])]
    names = [".", *(f":(exclude){name}" for name in left_out)]
    out = options.file.absolute()
    _git("archive", "--format=zip", "--prefix=minicontainer/", f"--output={out}", "HEAD", *names)
    print(f"{options.file}: {out.stat().st_size / 1e6:.1f} MB; unpack it, then ./workshop lab")
    if _git("status", "--porcelain"):
        print("What is not committed yet is not in it (git status lists it).", file=sys.stderr)
    return 0


def _git(*words: str) -> str:
    """What git prints, run in this checkout."""
    command = ["git", "-C", str(find_root(Path(__file__))), *words]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except FileNotFoundError as error:
        raise MinicontainerError("not installed", "git") from error
    except subprocess.CalledProcessError as error:
        raise MinicontainerError(error.stderr.strip(), f"git {words[0]}") from error

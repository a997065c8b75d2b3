"""A program that keeps logins: where it is, what may hinder it, and how its answer is read.

It is called docker-credential-NAME and is a stranger's: nothing that it says is ever printed.
Source: github.com/docker/docker-credential-helpers, README, "Development".
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator

from minicontainer import explain
from minicontainer.errors import MinicontainerError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class HelperError(MinicontainerError):
    """A credential helper is missing, fails, or does not keep to the protocol."""

    exit_status = 125


def find_helper(name: str) -> str:
    """The path of the program docker-credential-NAME, from PATH."""
    if not _NAME.fullmatch(name):
        raise HelperError("is no credential helper's name", repr(name[:100]))
    program = shutil.which(f"docker-credential-{name}")
    if program is None:
        hint = "install it, or take its name out of auth.json or ~/.docker/config.json"
        raise HelperError("is not installed", f"docker-credential-{name}", hint)
    return program


@contextlib.contextmanager
def asking(program: str, server: str) -> Iterator[None]:
    """For the time in which `program` runs: what hinders it becomes a HelperError."""
    try:
        yield
    except subprocess.TimeoutExpired as late:
        raise HelperError(f"gave no answer in {late.timeout:g} seconds", program) from None
    except OSError as problem:
        raise HelperError(f"cannot be started: {problem.strerror}", program) from None
    explain.emit("note", f"asked {program} for {server}")


def parse_answer(answer: bytes, program: str) -> tuple[str, str]:
    """Username and Secret out of a helper's JSON answer. Raises HelperError if it is none."""
    try:
        document = json.loads(answer)
        username, secret = document["Username"], document["Secret"]
        f"{username + ''}:{secret + ''}".encode()  # both must be strings, and fit in a header
    except (ValueError, LookupError, TypeError, RecursionError):
        what = "did not answer as a credential helper does"
        raise HelperError(what, program, 'expected {"Username": …, "Secret": …}') from None
    return username, secret

"""How does a program that keeps logins hand one out?

In: the helper's name (`secretservice`, `osxkeychain`, …) and a server. Out: the
login that it keeps for the server, or none. The helper is the program
docker-credential-NAME, which is started for each question.
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
from minicontainer.step04_registry.token import Credentials

#: a helper may have to ask its user first
PATIENCE_SECONDS = 60
NOT_FOUND = "credentials not found in native keychain"
#: stands in place of a user name when the secret is an identity token
IDENTITY_TOKEN_USER = "<token>"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class HelperError(MinicontainerError):
    """A credential helper is missing, fails, or does not keep to the protocol."""

    exit_status = 125


def ask_helper(name: str, server: str) -> Credentials | None:
    """What the credential helper `name` keeps for `server`; None if it keeps nothing.

    Start the helper's program with the one argument `get`, and give it `server`
    on its standard input; it answers on its standard output.

    Exit status 0: the answer is a JSON object with Username and Secret. If
    Username is IDENTITY_TOKEN_USER (`<token>`), Secret is an identity token and no
    password. If one of them is empty, the helper keeps nothing.
    Any other exit status: if NOT_FOUND is in the answer, it keeps nothing; else it failed.

    Raises HelperError: it failed, or did not answer as it should. The message quotes
    nothing that the helper said, which might be a secret.
    Source: docker-credential-helpers, README, "Development".
    """
    program = find_helper(name)
    with asking(program, server):
        done = subprocess.run(
            [program, "get"],
            input=server.encode(errors="replace"),
            stdout=subprocess.PIPE,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    if done.returncode != 0:
        if NOT_FOUND in done.stdout.decode(errors="replace"):
            return None
        hint = f"try it: printf %s {server!r} | docker-credential-{name} get"
        raise HelperError(f"failed with exit status {done.returncode}", program, hint)
    username, secret = parse_answer(done.stdout, program)
    if username == IDENTITY_TOKEN_USER and secret:
        return Credentials(username, "", identity_token=secret)
    return Credentials(username, secret) if username and secret else None


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
    except subprocess.TimeoutExpired:
        raise HelperError(f"gave no answer in {PATIENCE_SECONDS} seconds", program) from None
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

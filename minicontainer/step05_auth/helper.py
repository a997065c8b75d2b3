"""How does a program that keeps logins hand one out?

In: the helper's name (`secretservice`, `osxkeychain`, …) and a server. Out: the
login that it keeps for the server, or none. The helper is the program
docker-credential-NAME, which is started for each question.
Source: github.com/docker/docker-credential-helpers, README, "Development".
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess

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

    The question is `docker-credential-NAME get` with the server on standard
    input; the answer is JSON on standard output. "Not found" is an answer too: it
    comes there as a sentence, with exit status 1.

    Raises HelperError, which quotes nothing that the helper said: it might be a secret.
    """
    program = find_helper(name)
    try:
        done = subprocess.run(
            [program, "get"],
            input=server.encode(errors="replace"),
            stdout=subprocess.PIPE,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise HelperError(f"gave no answer in {PATIENCE_SECONDS} seconds", program) from None
    except OSError as problem:
        raise HelperError(f"cannot be started: {problem.strerror}", program) from None
    explain.emit("note", f"asked {program} for {server}")
    if done.returncode == 0:
        return read_answer(done.stdout, program)
    if NOT_FOUND in done.stdout.decode(errors="replace"):
        return None
    hint = f"try it: printf %s {server!r} | docker-credential-{name} get"
    raise HelperError(f"failed with exit status {done.returncode}", program, hint)


def find_helper(name: str) -> str:
    """The path of the program docker-credential-NAME, from PATH."""
    if not _NAME.fullmatch(name):
        raise HelperError("is no credential helper's name", repr(name[:100]))
    program = shutil.which(f"docker-credential-{name}")
    if program is None:
        hint = "install it, or take its name out of auth.json or ~/.docker/config.json"
        raise HelperError("is not installed", f"docker-credential-{name}", hint)
    return program


def read_answer(answer: bytes, program: str) -> Credentials | None:
    """The login in a helper's JSON answer; None if it is empty."""
    try:
        document = json.loads(answer)
        username, secret = document["Username"], document["Secret"]
        f"{username + ''}:{secret + ''}".encode()  # both must be strings, and fit in a header
    except (ValueError, LookupError, TypeError, RecursionError):
        what = "did not answer as a credential helper does"
        raise HelperError(what, program, 'expected {"Username": …, "Secret": …}') from None
    if username == IDENTITY_TOKEN_USER:
        return Credentials(username, "", secret)
    return Credentials(username, secret) if username and secret else None

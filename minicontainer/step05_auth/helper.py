"""How does a program that keeps logins hand one out?

In: the helper's name (`secretservice`, `osxkeychain`, …) and a server. Out: the
login that it keeps for the server, or none. The helper is the program
docker-credential-NAME, which is started for each question.
Source: github.com/docker/docker-credential-helpers, README, "Development".
"""

from __future__ import annotations

import subprocess

from minicontainer.lib.credential_helper import HelperError, asking, find_helper, parse_answer
from minicontainer.step04_registry.token import Credentials

#: a helper may have to ask its user first
PATIENCE_SECONDS = 60
NOT_FOUND = "credentials not found in native keychain"
#: stands in place of a user name when the secret is an identity token
IDENTITY_TOKEN_USER = "<token>"


def ask_helper(name: str, server: str) -> Credentials | None:
    """What the credential helper `name` keeps for `server`; None if it keeps nothing.

    Start the helper's program with the one argument `get`, and give it `server`
    on its standard input; it answers on its standard output.

    Exit status 0: the answer is a JSON object with Username and Secret. If one of them
    is empty, the helper keeps nothing. If Username is IDENTITY_TOKEN_USER (`<token>`),
    Secret is an identity token: then the login's name is `<token>`, and its password "".
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

"""What do we answer when a registry says "401, who are you"?

In: its challenges, the repository, and the login if there is one. Out: the
value of the Authorization header to ask again with.
Sources: RFC 7617 (Basic), RFC 6750 (Bearer); distribution, docs/spec/auth/token.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from minicontainer.lib.http_errors import LoginNeeded
from minicontainer.step04_registry.challenge import Challenge
from minicontainer.step04_registry.client import Authorize
from minicontainer.step04_registry.token import Credentials, basic_login, fetch_token

from .keychain import credentials_for

if TYPE_CHECKING:
    from minicontainer.lib.session import Session

HINT = "log in first (docker login, podman login or skopeo login), or check the name"


def authorizer(registry: str, files: Iterable[str] | None = None) -> Authorize:
    """The `authorize` to give a step 4 Registry: answers with the logins kept for `registry`.

    `registry` is the name that images have (docker.io), `files` those to read
    instead of the usual ones. They are read only when the registry asks.
    """
    kept = None if files is None else list(files)

    def answer(challenges: list[Challenge], repository: str, session: Session) -> str:
        login = credentials_for(registry, repository, kept)
        return authorize(challenges, repository, session, login)

    return answer


def authorize(
    challenges: list[Challenge],
    repository: str,
    session: Session,
    credentials: Credentials | None = None,
) -> str:
    """The value of the Authorization header that answers `challenges`, to pull from `repository`.

    If one of them, wherever it stands, has the scheme "bearer": "Bearer ", and the value
    of the token that fetch_token gets, with the credentials if there are some. Without
    them it is asked too: the service may know that everybody may pull this.
    Bearer is taken before Basic, since a token can do less harm than a password.

    Else, if one has the scheme "basic": what basic_login makes of name and password. An
    identity token is for token services, and no password.

    Raises LoginNeeded, with status 401: neither scheme is offered, or it is Basic and we
    have no password. No message holds a secret. Raises what fetch_token raises.
    Source: RFC 9110, section 11.6; distribution, docs/spec/auth/token.md.
    """
    offered = {challenge.scheme: challenge for challenge in reversed(challenges)}
    if "bearer" in offered:
        token = fetch_token(session, offered["bearer"], repository, credentials)
        return f"Bearer {token.value}"
    if "basic" not in offered:
        asked = ", ".join(offered) or "nothing"
        raise LoginNeeded(401, f"the registry asks for {asked}; we know Bearer and Basic")
    if credentials is None:
        raise LoginNeeded(401, "the registry wants a login", repository, HINT)
    if not credentials.password:
        what = "the registry wants a password, and the login kept for it has none"
        raise LoginNeeded(401, what, repository, HINT)
    return basic_login(credentials)["Authorization"]

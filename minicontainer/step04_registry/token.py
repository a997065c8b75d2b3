"""How does one get a token, and what for?

In: the challenge `Bearer realm="https://auth…/token",service="…"`, and maybe
credentials. Out: a token that allows pulling from one repository for a short
time. Nobody has to log in for what everybody may have.
distribution, docs/spec/auth/token.md and oauth.md.
"""

from __future__ import annotations

import base64
import urllib.parse
from typing import TYPE_CHECKING, Any, NamedTuple

from minicontainer.lib.addresses import origin
from minicontainer.lib.curl import shown_address
from minicontainer.lib.http import drop, raise_for_status, read_json
from minicontainer.lib.http_errors import BadAnswer
from minicontainer.lib.retries import retrying

from .challenge import Challenge
from .redirects import follow_redirects

if TYPE_CHECKING:
    import requests

    from minicontainer.lib.session import Session

#: seconds that a token is good for when its `expires_in` does not say
DEFAULT_LIFETIME = 60
LARGEST_ANSWER = 1024 * 1024
CLIENT_ID = "minicontainer"
#: what token services answer that know no POST
NO_POST = (401, 404, 405)


class Credentials(NamedTuple):
    """A login: name and password, or an identity token, which a former login left."""

    username: str
    password: str
    identity_token: str = ""

    def __repr__(self) -> str:
        return f"Credentials({self.username!r}, …)"  # secrets stay out of logs and tracebacks


class Token(NamedTuple):
    """The bearer of `value` may do what was asked for, for `expires_in` seconds."""

    value: str
    expires_in: float

    def __repr__(self) -> str:
        return f"Token(…, {self.expires_in!r})"


def fetch_token(
    session: Session,
    challenge: Challenge,
    repository: str,
    credentials: Credentials | None = None,
) -> Token:
    """A token to pull from `repository`, from the service that `challenge` names.

    The scope is our own, `repository:NAME:pull`: the challenge's may ask for
    more than we need, or for nothing real. Without credentials the service is
    asked all the same. Its answer, a JSON object, has the token as `token` or
    as `access_token`, and may say in `expires_in` for how many seconds.

    Raises LoginNeeded, BadAnswer (also for an answer with no token), RegistryError.
    Source: distribution, docs/spec/auth/token.md, "Token Response Fields".
    """
    scope = f"repository:{repository}:pull"
    with ask_token_service(session, challenge, scope, credentials) as response:
        answer = token_answer(response)
    token = answer.get("token") or answer.get("access_token")
    return Token(checked_token(token, response.url), lifetime(answer.get("expires_in")))


def ask_token_service(
    session: Session, challenge: Challenge, scope: str, credentials: Credentials | None
) -> requests.Response:
    """The service's answer, good or bad; `credentials` are shown in the way that fits them."""
    if credentials is not None and credentials.identity_token:
        response = post_identity_token(session, challenge, scope, credentials)
        if response is not None:
            return response
    send = retrying(follow_redirects, session)
    return send("GET", token_address(challenge, scope), basic_login(credentials))


def token_address(challenge: Challenge, scope: str) -> str:
    """Where to ask for a token that allows `scope`: the challenge's realm, with a query.

    The query has the challenge's `service`, if it names one, and `scope`, both
    encoded. A query that the realm has already stays in front of them, whole.

    Raises BadAnswer where the challenge is no Bearer one, or has no usable realm.
    Source: distribution, docs/spec/auth/token.md, "Requesting a Token".
    """
    parts = urllib.parse.urlsplit(realm_of(challenge))
    query = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
    if "service" in challenge.parameters:
        query.append(("service", challenge.parameters["service"]))
    query.append(("scope", scope))
    return urllib.parse.urlunsplit(parts._replace(query=urllib.parse.urlencode(query)))


def realm_of(challenge: Challenge) -> str:
    """The token service's address. Raises BadAnswer."""
    realm = challenge.parameters.get("realm")
    if challenge.scheme != "bearer" or not realm:
        raise BadAnswer("the registry does not say where to get a token")
    origin(realm)
    return realm


def basic_login(credentials: Credentials | None) -> dict[str, str]:
    """The Authorization header for `credentials` (RFC 7617); no header without them."""
    if credentials is None:
        return {}
    secret = credentials.identity_token or credentials.password
    login = f"{credentials.username}:{secret}".encode()
    return {"Authorization": f"Basic {base64.b64encode(login).decode()}"}


def post_identity_token(
    session: Session, challenge: Challenge, scope: str, credentials: Credentials
) -> requests.Response | None:
    """Buy a token with an identity token, by OAuth2; None if the service knows no such way.

    Source: distribution, docs/spec/auth/oauth.md.
    """
    form = {
        "grant_type": "refresh_token",
        "service": challenge.parameters.get("service", ""),
        "scope": scope,
        "client_id": CLIENT_ID,
        "refresh_token": credentials.identity_token,
    }
    response = retrying(_post, session)(realm_of(challenge), form)
    if response.status_code in NO_POST:
        drop(response)
        return None
    return response


def _post(session: Session, url: str, form: dict[str, str]) -> requests.Response:
    return session.post(url, data=form, stream=True, allow_redirects=False)


def token_answer(response: requests.Response) -> dict[str, Any]:
    """The token service's document; its errors raise LoginNeeded or another StatusError."""
    raise_for_status(response)
    return read_json(response, LARGEST_ANSWER)


def checked_token(token: object, url: str) -> str:
    """`token`, unless it could not go into a header."""
    if isinstance(token, str) and token and token.isascii() and token.isprintable():
        return token
    raise BadAnswer("the token service's answer has no token", shown_address(url))


def lifetime(expires_in: object) -> float:
    """Seconds; DEFAULT_LIFETIME for what is missing or no number."""
    sound = isinstance(expires_in, int | float) and not isinstance(expires_in, bool)
    return float(expires_in) if sound and expires_in > 0 else DEFAULT_LIFETIME  # type: ignore

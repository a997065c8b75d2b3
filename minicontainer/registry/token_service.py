"""Who may pull from our own registry? A token service, as large registries have one.

In: a wish (`scope=repository:workshop/hello:pull`), maybe a name and password.
Out: a token, signed and short-lived, that says what its bearer may do; the
registry only has to check the signature. distribution, docs/spec/auth/token.md
and oauth.md.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Settings:
    """How our registry behaves.

    `authentication` is "bearer", "basic" or "none". Everybody may pull, but
    repositories whose name starts with one of `private` ask for one of `users`
    (name: password). `identity_tokens` (token: name) stand in for a password.
    """

    authentication: str = "bearer"
    users: Mapping[str, str] = field(default_factory=dict)
    private: tuple[str, ...] = ()
    identity_tokens: Mapping[str, str] = field(default_factory=dict)
    token_seconds: int = 300
    log: Callable[[str], None] | None = None

    def is_private(self, repository: str) -> bool:
        """Whether a pull from `repository` needs a login."""
        return repository.startswith(self.private) if self.private else False


class TokenService:
    """Signs tokens and checks them; the key lives as long as the server."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.key = secrets.token_bytes(32)

    def user_of(self, authorization: str | None) -> str | None:
        """The user that a Basic header logs in, "" where there is none; None if it is wrong."""
        if not authorization:
            return ""
        scheme, _, encoded = authorization.partition(" ")
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        right = scheme.lower() == "basic" and self.password_is_right(user, password)
        return user if right else None

    def password_is_right(self, user: str, password: str) -> bool:
        expected = self.settings.users.get(user)
        return expected is not None and hmac.compare_digest(expected.encode(), password.encode())

    def issue(self, user: str, scopes: Iterable[str]) -> dict[str, Any]:
        """The token service's answer: a token for as much of `scopes` as `user` may have."""
        now = int(time.time())
        wanted = (scope for text in scopes for scope in text.split())
        granted = [access for scope in wanted if (access := self.granted(user, scope))]
        claims = {"sub": user, "exp": now + self.settings.token_seconds, "access": granted}
        body = encode(json.dumps(claims).encode())
        token = f"{body}.{encode(self.signature(body))}"
        issued = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        lifetime = self.settings.token_seconds
        return {
            "token": token,
            "access_token": token,
            "expires_in": lifetime,
            "issued_at": issued,
        }

    def granted(self, user: str, scope: str) -> str | None:
        """What of `scope` the `user` ("" = anybody) may have: pull, or a look at the catalog."""
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        if kind == "registry":
            return scope if name == "catalog" else None
        allowed = bool(user) or not self.settings.is_private(name)
        wanted = kind == "repository" and "pull" in actions.split(",")
        return f"repository:{name}:pull" if wanted and allowed else None

    def claims(self, authorization: str | None) -> dict[str, Any] | None:
        """What a Bearer header's token says; None if it is absent, forged or too old."""
        scheme, _, token = (authorization or "").partition(" ")
        body, _, signature = token.partition(".")
        if scheme.lower() != "bearer":
            return None
        if not hmac.compare_digest(encode(self.signature(body)).encode(), signature.encode()):
            return None
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return claims if claims["exp"] > time.time() else None

    def signature(self, body: str) -> bytes:
        return hmac.new(self.key, body.encode(), hashlib.sha256).digest()


def encode(content: bytes) -> str:
    """Base64 as it goes into an address or a header: without its padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

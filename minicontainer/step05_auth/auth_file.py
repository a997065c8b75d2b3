"""What does one auth.json say?

In: its path. Out: the logins and helpers that it names, under registries' and
repositories' names as we write them today. Other people's programs write these
files, so nothing in them is taken on trust; nothing in them is ever printed.
Sources: containers-auth.json(5), "FORMAT"; docker's reference of `docker login`.
"""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

from minicontainer.errors import MinicontainerError

_LARGEST_FILE = 1 << 20
#: names that docker.io's registry had or has
DOCKER_HUB_HOSTS = ("index.docker.io", "registry-1.docker.io")


class BadAuth(MinicontainerError):
    """A file with logins is damaged or cannot be read."""

    exit_status = 125


class Login(NamedTuple):
    """An entry of `auths`: the key as it is written, and what stands there."""

    written: str
    auth: str
    identity_token: str

    def __repr__(self) -> str:
        return f"Login({self.written!r}, …)"  # secrets stay out of logs and tracebacks


class AuthFile(NamedTuple):
    """What one file says; all empty where there is no file."""

    path: str
    logins: dict[str, Login]  # by registry, or registry/name/space
    helpers: dict[str, tuple[str, str]]  # by registry: the helper's name, and what to ask it for
    store: str  # the helper for all other registries, or ""


def read_auth_file(path: str) -> AuthFile:
    """Read the file at `path`; a missing one counts as empty.

    Raises BadAuth, which names the file: unreadable, too large, no JSON, wrong types.
    """
    old_format = os.path.basename(path) == ".dockercfg"
    document = {"auths": _read_json(path)} if old_format else _read_json(path)
    auths, helpers = _table(document, "auths", path), _table(document, "credHelpers", path)
    logins = [_login(key, entry, path) for key, entry in auths.items()]
    return AuthFile(
        path,
        _by_name({login.written: login for login in logins}, old_format),
        _by_name({key: (name, key) for key in helpers if (name := _text(helpers, key, path))}),
        _text(document, "credsStore", path),
    )


def _read_json(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
        if len(content) > _LARGEST_FILE:
            raise _bad("is larger than any such file", path)
        document = json.loads(content) if content else {}  # /dev/null: no logins
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as problem:
        if not os.path.lexists(path):  # in a directory of others, as /run/containers can be
            return {}
        raise _bad(f"cannot be read: {problem.strerror}", path) from None
    except (ValueError, RecursionError):
        raise _bad("is not JSON", path) from None
    if not isinstance(document, dict):
        raise _bad("holds no JSON object", path)
    return document


def _bad(what: str, path: str) -> BadAuth:
    return BadAuth(
        what[:200], path, "mend or remove it, or name another file in REGISTRY_AUTH_FILE"
    )


def _table(document: dict[str, Any], name: str, path: str) -> dict[str, Any]:
    """The object `name` in `document`; {} where it is absent or null."""
    value = {} if document.get(name) is None else document[name]
    if not isinstance(value, dict):
        raise _bad(f"{name!r} is not an object", path)
    return value


def _text(document: dict[str, Any], name: str, path: str) -> str:
    """The string `name` in `document`; "" where it is absent or null."""
    value = "" if document.get(name) is None else document[name]
    if not isinstance(value, str) or not value.isascii():
        raise _bad(f"{name!r} is not a string of plain characters", path)
    return value


def _login(key: str, entry: Any, path: str) -> Login:
    if not isinstance(entry, dict):
        raise _bad(f"the entry {key!r} is not an object", path)
    return Login(key, _text(entry, "auth", path), _text(entry, "identitytoken", path))


def _by_name(written: dict[str, Any], old_format: bool = False) -> dict[str, Any]:
    """`written` under the names that we look for; a key that is such a name already wins."""
    named = {_name_of(key, old_format): value for key, value in reversed(written.items())}
    return {**named, **{key: value for key, value in written.items() if key in named}}


def _name_of(key: str, old_format: bool) -> str:
    """What a key means; those of the old format name registries only."""
    return plain_key(key).partition("/")[0] if old_format else plain_key(key)


def plain_key(key: str) -> str:
    """What a key of `auths` means: a registry (`quay.io`), or a place in one (`quay.io/team`).

    Docker's keys were addresses. From one with http:// or https:// in front
    take the host, with its port, and no path: `https://reg.example:5000/v1/` is
    reg.example:5000. All other keys mean what they say; a / at the end says nothing.

    Docker Hub's host is docker.io to us, also where it is written index.docker.io
    or registry-1.docker.io (DOCKER_HUB_HOSTS): `https://index.docker.io/v1/` is docker.io.

    Source: containers-auth.json(5), "FORMAT"; docker's reference of `docker login`.
    """
    address = key.removeprefix("http://").removeprefix("https://")
    host, _, path = address.partition("/")
    if host in DOCKER_HUB_HOSTS:
        host = "docker.io"
    return host if address != key or not path else f"{host}/{path}"

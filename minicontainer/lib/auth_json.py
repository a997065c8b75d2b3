"""What stands in a file of logins (auth.json, config.json, .dockercfg), checked for its types.

Other people's programs write these files, so nothing in them is taken on trust; nothing in
them is ever printed. Sources: containers-auth.json(5), "FORMAT"; docker's reference of
`docker login`.
"""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

from minicontainer.errors import MinicontainerError

LARGEST_FILE = 1 << 20


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


class Logins(NamedTuple):
    """One file as it is written; all empty where there is no file."""

    auths: dict[str, Login]  # by key
    helpers: dict[str, str]  # by registry: a credential helper's name
    store: str  # the helper for all other registries, or ""


def read_logins(path: str) -> Logins:
    """Read the file at `path`; a missing one counts as empty.

    Raises BadAuth, which names the file: unreadable, too large, no JSON, wrong types.
    """
    document = _read_json(path)
    if os.path.basename(path) == ".dockercfg":  # the old format is nothing but the auths
        document = {"auths": document}
    auths, helpers = _table(document, "auths", path), _table(document, "credHelpers", path)
    return Logins(
        {key: _login(key, entry, path) for key, entry in auths.items()},
        {key: name for key in helpers if (name := _text(helpers, key, path))},
        _text(document, "credsStore", path),
    )


def _read_json(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
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

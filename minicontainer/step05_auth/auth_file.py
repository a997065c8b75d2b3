"""What does one auth.json say, under names as we write them today?

In: its path. Out: the logins and helpers that it names, by registry or by a place in one.
What stands in such a file, and whether it may, is lib/auth_json.py's.
Sources: containers-auth.json(5), "FORMAT"; docker's reference of `docker login`.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from minicontainer.lib.auth_json import Login, read_logins

#: names that docker.io's registry had or has
DOCKER_HUB_HOSTS = ("index.docker.io", "registry-1.docker.io")


class AuthFile(NamedTuple):
    """What one file says; all empty where there is no file."""

    path: str
    logins: dict[str, Login]  # by registry, or registry/name/space
    helpers: dict[str, tuple[str, str]]  # by registry: the helper's name, and what to ask it for
    store: str  # the helper for all other registries, or ""


def read_auth_file(path: str) -> AuthFile:
    """Read the file at `path`; a missing one counts as empty. Raises BadAuth, which names it."""
    written = read_logins(path)
    old_format = os.path.basename(path) == ".dockercfg"
    helpers = {key: (name, key) for key, name in written.helpers.items()}
    return AuthFile(path, _by_name(written.auths, old_format), _by_name(helpers), written.store)


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

"""Where are the logins, and which one is for this repository?

In: a registry and a repository (`quay.io`, `team/app`). Out: the login that
`docker login`, `podman login` or `skopeo login` left for it, or none.
Sources: containers-auth.json(5); docker's reference of `docker login`,
"Credential stores" and "Credential helpers".
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable, Mapping

from minicontainer import explain
from minicontainer.step04_registry.token import Credentials

from .auth_file import AuthFile, BadAuth, read_auth_file
from .helper import HelperError, ask_helper

#: how docker names its own registry when it asks a helper
DOCKER_HUB = "https://index.docker.io/v1/"


def auth_files(environ: Mapping[str, str] = os.environ, explicit: str = "") -> list[str]:
    """The files that may hold logins, the first to ask first; they need not exist.

    A file that the user names, by `explicit` or in REGISTRY_AUTH_FILE, takes the
    place of podman's first one. Podman's second one, docker's and docker's old one follow.

    Source: containers-auth.json(5), "DESCRIPTION".
    """
    home = environ.get("HOME") or os.path.expanduser("~")
    runtime = environ.get("XDG_RUNTIME_DIR")
    podman = f"{runtime}/containers" if runtime else f"/run/containers/{user_id()}"
    config = environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    docker = environ.get("DOCKER_CONFIG") or f"{home}/.docker"
    return [
        explicit or environ.get("REGISTRY_AUTH_FILE") or f"{podman}/auth.json",
        f"{config}/containers/auth.json",
        f"{docker}/config.json",
        f"{home}/.dockercfg",
    ]


def user_id() -> int:
    """Our user id; 0 where there are none, as on Windows."""
    return os.getuid() if hasattr(os, "getuid") else 0


def credentials_for(
    registry: str, repository: str, files: Iterable[str] | None = None
) -> Credentials | None:
    """The login for `repository` at `registry`, from the first file that has one; else None.

    Within a file the most specific key wins: quay.io/team/app before
    quay.io/team before quay.io. A registry's own credential helper (credHelpers)
    comes before all of them.

    Raises BadAuth (a file is damaged), HelperError. Source: containers-auth.json(5), "FORMAT".
    """
    for path in auth_files() if files is None else files:
        file = read_auth_file(path)
        if registry in file.helpers:
            found = ask_helper(*file.helpers[registry])
        else:
            key = f"{registry}/{repository}"
            while key not in file.logins and "/" in key:
                key = key.rpartition("/")[0]
            found = login_at(file, key)
        if found is not None:
            explain.emit("note", f"the login for {registry} comes from {path}")
            return found
    return None


def login_at(file: AuthFile, key: str) -> Credentials | None:
    """The login under `key` in `file`, or that which its credential store has for it."""
    login = file.logins.get(key)
    if login is None:
        return ask_store(file, key)
    if not login.auth and not login.identity_token:  # {}: docker left it to the store
        return ask_helper(file.store, login.written) if file.store else None
    try:
        username, password = decode_auth(login.auth) if login.auth else ("", "")
    except BadAuth as problem:
        raise BadAuth(problem.what, f"{file.path}, {login.written[:100]!r}", problem.hint) from None
    if login.identity_token or (username and password):
        return Credentials(username, password, login.identity_token)
    return None


def ask_store(file: AuthFile, registry: str) -> Credentials | None:
    """What the credential store of `file`, if it names one, has for a registry that it does not.

    A store that fails must not get in the way of what everybody may pull.
    """
    try:
        server = DOCKER_HUB if registry == "docker.io" else registry
        return ask_helper(file.store, server) if file.store else None
    except HelperError as problem:
        explain.emit("note", f"going on without: {problem.one_line}")
        return None


def decode_auth(text: str) -> tuple[str, str]:
    """User name and password out of the base64 string of an `auth` entry.

    The name ends at the first colon; a password may hold colons. White space and
    a missing padding are forgiven, NULs at the password's ends are dropped, as docker does.

    Raises BadAuth, which never quotes the secret.
    Source: containers-auth.json(5), "FORMAT"; RFC 7617, section 2.
    """
    packed = "".join(text.split()).rstrip("=")
    try:
        decoded = base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        raise BadAuth("`auth` is not base64 of a text", hint="log in once more") from None
    username, colon, password = decoded.partition(":")
    if not colon:
        raise BadAuth("`auth` is not NAME:PASSWORD in base64", hint="log in once more")
    return username, password.strip("\0")

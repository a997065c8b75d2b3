"""Where are the logins, and which one is for this repository?

In: a registry and a repository (`quay.io`, `team/app`). Out: the login that
`docker login`, `podman login` or `skopeo login` left for it, or none.
Sources: containers-auth.json(5); docker's reference of `docker login`,
"Credential stores" and "Credential helpers".
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Mapping

from minicontainer import explain
from minicontainer.lib.auth_json import BadAuth
from minicontainer.lib.credential_helper import HelperError
from minicontainer.step04_registry.token import Credentials

from .auth_file import AuthFile, read_auth_file
from .helper import ask_helper

#: how docker names its own registry when it asks a helper
DOCKER_HUB_KEY = "https://index.docker.io/v1/"


def auth_files(environ: Mapping[str, str] = os.environ, explicit: str = "") -> list[str]:
    """The four files that may hold logins, the first to ask first; they need not exist.

    1. podman's: $XDG_RUNTIME_DIR/containers/auth.json; without that variable
       /run/containers/UID/auth.json, where UID is the number that `user_id()` gives
    2. podman's lasting one: $XDG_CONFIG_HOME/containers/auth.json; without that
       variable $HOME/.config/containers/auth.json
    3. docker's: $DOCKER_CONFIG/config.json; without that variable $HOME/.docker/config.json
    4. docker's old one: $HOME/.dockercfg

    A file that the user names, by `explicit` or else in $REGISTRY_AUTH_FILE, takes
    the place of the first one. `environ` holds the variables; an empty one counts as
    not set. Without HOME it is os.path.expanduser("~").

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
    """The login for `repository` (team/app) at `registry` (quay.io); None if there is none.

    The `files` (without them: auth_files()) are asked in their order; the first that has
    a login wins. `read_auth_file(path)` reads one:
    - `file.helpers` names the registries that have a helper of their own. If `registry`
      is there, only the helper is asked: ask_helper(*file.helpers[registry]).
    - Else the most specific key that `file.logins` has counts: quay.io/team/app before
      quay.io/team before quay.io. Keys are whole names: quay.io/te is no place above
      quay.io/team. `login_at(file, key)` gives the login there, or None.
    - If it has none of these keys: login_at(file, registry), which knows where else to ask.

    Raises BadAuth (a file is damaged), HelperError. Source: containers-auth.json(5), "FORMAT".
    """
    for path in auth_files() if files is None else files:
        file = read_auth_file(path)
        if registry in file.helpers:
            login = ask_helper(*file.helpers[registry])
        else:
            key = f"{registry}/{repository}"
            while key not in file.logins and key != registry:
                key = key.rpartition("/")[0]
            login = login_at(file, key)
        if login is not None:
            return login
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
        explain.emit("note", f"the login for {key} comes from {file.path}")
        return Credentials(username, password, login.identity_token)
    return None


def ask_store(file: AuthFile, registry: str) -> Credentials | None:
    """What the credential store of `file`, if it names one, has for a registry that it does not.

    A store that fails must not get in the way of what everybody may pull.
    """
    try:
        server = DOCKER_HUB_KEY if registry == "docker.io" else registry
        return ask_helper(file.store, server) if file.store else None
    except HelperError as problem:
        explain.emit("note", f"going on without: {problem.one_line}")
        return None


def decode_auth(text: str) -> tuple[str, str]:
    """User name and password out of the base64 string of an `auth` entry.

    Decoded, it is UTF-8 text: the name, a colon, the password. The name ends at the
    first colon; a password may hold colons.

    Files are written by many programs, so white space anywhere in `text` and missing
    "=" at its end are forgiven, and NUL characters around the password are dropped.
    Anything else that is not base64, or not such a text, raises BadAuth. Its message
    never quotes the secret.

    Source: containers-auth.json(5), "FORMAT"; RFC 7617, section 2.
    """
    packed = "".join(text.split()).rstrip("=")
    try:
        decoded = base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True).decode()
    except ValueError:  # binascii.Error and UnicodeDecodeError are of its kind
        raise BadAuth("`auth` is not base64 of a text", hint="log in once more") from None
    username, colon, password = decoded.partition(":")
    if not colon:
        raise BadAuth("`auth` is not NAME:PASSWORD in base64", hint="log in once more")
    return username, password.strip("\0")

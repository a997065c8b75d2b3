"""Where on this machine is what belongs to this user?

Sources: the XDG Base Directory Specification, where a relative path counts as
none; hier(7), /run.
"""

from __future__ import annotations

import os

from minicontainer.errors import MinicontainerError


def store() -> str:
    """Where images and containers are kept."""
    return f"{_directory('XDG_DATA_HOME', '.local/share')}/minicontainer"


def cache() -> str:
    """Where is what can be made anew."""
    return f"{_directory('XDG_CACHE_HOME', '.cache')}/minicontainer"


def runtime_directory(name: str) -> str:
    """Where `name` keeps what a reboot may take away; the same inside a user namespace of ours."""
    from .user_namespace import is_rootless, own_uid  # for Linux; `store` is for every system

    base = _named("XDG_RUNTIME_DIR") or ("" if is_rootless() else "/run")
    return f"{base}/{name}" if base else f"/tmp/{name}-{own_uid()}"


def _named(variable: str) -> str:
    named = os.environ.get(variable, "")
    return named if os.path.isabs(named) else ""


def _directory(variable: str, usual: str) -> str:
    """The directory that `variable` names, or the `usual` one in this user's home directory."""
    if named := _named(variable):
        return named
    home = os.path.expanduser("~")
    if home == "~":
        raise MinicontainerError("this user has no home directory", hint=f"set {variable}")
    return os.path.join(home, usual)

"""Where on this machine is what belongs to this user?

Sources: the XDG Base Directory Specification, where a relative path counts as
none; hier(7), /run.
"""

from __future__ import annotations

import os
import stat

from minicontainer.errors import MinicontainerError

#: what a path may be made of, so that shells, mountinfo and overlayfs write it as it is
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+")


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
    if base and may_write(base):
        return f"{base}/{name}"
    return _of_ones_own(f"{_named('TMPDIR') or '/tmp'}/{name}-{own_uid()}")


def scratch_directory(prefix: str) -> str:
    """A new directory to work in and to remove: programs run there, and its name needs no quotes.

    It is in $TMPDIR where that is such a place, else where temporary files are usually kept.
    """
    import tempfile

    usual = tempfile.gettempdir()
    places = (usual, "/tmp", "/var/tmp", os.path.expanduser("~"))
    return tempfile.mkdtemp(prefix=prefix, dir=next(filter(_is_plain, places), usual))


def existing(path: str) -> str:
    """`path`, or its nearest parent that exists: what decides whether `path` can be made."""
    while not os.path.exists(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return path


def may_write(path: str) -> bool:
    """Whether this user may write in the directory `path`, or make it."""
    return os.access(existing(path), os.W_OK | os.X_OK)


def _is_plain(path: str) -> bool:
    named_plainly = path.startswith("/") and set(path) <= _PLAIN
    return named_plainly and may_write(path) and not os.statvfs(path).f_flag & os.ST_NOEXEC


def _of_ones_own(path: str) -> str:
    """The directory `path`, which nobody else may enter, and nobody else has made."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    except OSError as error:
        hint = "let XDG_RUNTIME_DIR name a directory that you may write"
        raise MinicontainerError(error.strerror or "", path, hint) from None
    there = os.lstat(path)
    if there.st_uid != os.geteuid() or not stat.S_ISDIR(there.st_mode):
        hint = "let XDG_RUNTIME_DIR name a directory of your own"
        raise MinicontainerError("it belongs to somebody else", path, hint)
    os.chmod(path, 0o700)
    return path


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

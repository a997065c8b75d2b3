"""What to do where the machine forbids namespaces?

In: the OSError of unshare(2), mount(2) or of writing uid_map. Out: an error
that names the setting which forbids it, and the command that changes it.
Sources: unshare(2) "ERRORS", user_namespaces(7); the kernel's Documentation/
admin-guide/sysctl/user.rst; Ubuntu's AppArmor restriction of user namespaces.
"""

from __future__ import annotations

import errno
import os

from minicontainer.errors import MinicontainerError

from .processes import status_of

#: settings that forbid user namespaces: the value that forbids, and what to do
_SETTINGS = {
    # Ubuntu 23.10 and later: the namespace comes, but without any capability
    "kernel.apparmor_restrict_unprivileged_userns": ("1", 0),
    # Debian's and Arch's hardened kernels
    "kernel.unprivileged_userns_clone": ("0", 1),
    "user.max_user_namespaces": ("0", 15000),
    "user.max_mnt_namespaces": ("0", 15000),
}
_CAP_SYS_ADMIN = 21


class NamespacesRefused(MinicontainerError):
    """The machine does not let this user make namespaces."""


def why_refused(problem: OSError) -> NamespacesRefused:
    """The error to show for `problem`, which came of making namespaces."""
    what = f"this machine does not allow it: {problem.strerror}"
    return NamespacesRefused(what, "namespaces", advice(problem.errno))


def advice(number: int | None) -> str:
    """What to do where making namespaces fails with the error `number` of errno(3)."""
    for name, (forbidding, allowing) in _SETTINGS.items():
        binds_us = os.geteuid() != 0 or name.startswith("user.")
        if binds_us and _setting(name) == forbidding:
            return f"an administrator allows it by: sudo sysctl -w {name}={allowing}"
    if number == errno.ENOSPC:
        return (
            "the machine's limit of namespaces is 0 or used up:"
            " user.max_user_namespaces, user.max_mnt_namespaces, …"
        )
    if os.geteuid() == 0 and not may_administer():
        return (
            "root lacks the capability CAP_SYS_ADMIN here: give it (in a container: --privileged),"
            " or become an ordinary user, who gets it in a user namespace"
        )
    if os.path.exists("/.dockerenv") or os.path.exists("/run/.containerenv"):
        return "in a container: start it with --privileged, or --security-opt seccomp=unconfined"
    return "try it as root, or on a machine whose kernel has user namespaces"


def may_administer() -> bool:
    """Whether this process has CAP_SYS_ADMIN in its user namespace. Source: capabilities(7)."""
    return bool(int(status_of("self")["CapEff"], 16) >> _CAP_SYS_ADMIN & 1)


def _setting(name: str) -> str:
    """The value of a kernel setting; "" where there is none."""
    try:
        with open(f"/proc/sys/{name.replace('.', '/')}", encoding="utf-8") as stream:
            return stream.read().strip()
    except OSError:
        return ""

"""An ordinary user becomes root: of a user namespace, which is enough for a container.

As many ids as the system gives the user (/etc/subuid) are mapped into it, so that
an image's files can belong to several users; else only one, the user's own as root.
Source: user_namespaces(7), mount_namespaces(7).
"""

from __future__ import annotations

import os

from minicontainer import explain, linux
from minicontainer.lib import user_namespace
from minicontainer.lib.refusal import why_refused


def enter_mount_namespace() -> None:
    """Move this process into a private mount namespace, as root there.

    An ordinary user gets a user namespace first. Only for a process with one
    thread. Raises MinicontainerError where the machine forbids such namespaces.
    """
    try:
        if os.geteuid() == 0:
            explain.step("a mount namespace", "What is mounted from here on is not seen outside.")
            linux.unshare(linux.CLONE_NEWNS)
        else:
            why = "An ordinary user may not mount, but root of an own user namespace may."
            explain.step("become root of a user namespace", why)
            user_namespace.enter(linux.CLONE_NEWNS, *user_namespace.own_mappings())
        linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    except OSError as error:
        raise why_refused(error) from None

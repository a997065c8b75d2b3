"""Which kernel parameters may a container have of its own? Those that a namespace keeps apart.

Spec: runtime-spec, config-linux.md, "Sysctl"; namespaces(7).
"""

from __future__ import annotations

import os

from minicontainer.errors import ContainerError

from .paths import open_inside, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container


def write_sysctls(root: str, sysctls: dict[str, str], namespaces: Container[str]) -> None:
    """Set `sysctls` (`linux.sysctl`) in the container at `root`, which has such `namespaces`.

    Raises ContainerError for what no namespace of the container keeps apart.
    """
    for key, value in sysctls.items():
        path = key if "/" in key else key.replace(".", "/")
        if _namespace_of(path) not in namespaces or ".." in path.split("/"):
            why = "it would change the host's: no namespace of the container keeps it apart"
            raise ContainerError(why, f"linux.sysctl {key}")
        try:
            fd = open_inside(root, f"/proc/sys/{path}")
            with open(shown(fd), "w") as file:
                file.write(value)
            os.close(fd)
        except OSError as error:
            what = f"the kernel refuses {value!r}: {error.strerror}"
            raise ContainerError(what, f"linux.sysctl {key}") from None


def _namespace_of(path: str) -> str:
    """The type of namespace that keeps the kernel parameter `path`; "" when none does."""
    if path.startswith("net/"):
        return "network"
    ipc = ("kernel/msg", "kernel/sem", "kernel/shm", "fs/mqueue/")
    if path.startswith(ipc):
        return "ipc"
    return "uts" if path in ("kernel/domainname", "kernel/hostname") else ""

"""`minirunc run`: create, start, stay until it ends, delete.

In the foreground the container is ours like a child of a shell: signals and
terminal are its, and it is gone when we are, however we end.
Source: runc(8), `run`.
"""

from __future__ import annotations

from minicontainer.lib.foreground import Foreground
from minicontainer.lib.guard import Guard
from minicontainer.step02_runtime import lifecycle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(
    root: str,
    id: str,
    bundle: str,
    *,
    detach: bool = False,
    console_socket: str | None = None,
    **options: Any,
) -> int:
    """create, start, stay until it ends, delete; the exit status of its program.

    With `detach`: create and start only, 0. In the foreground the container
    dies with us, and is removed, however we end; if it wants a terminal, it gets
    ours. `options` are create's. Raises ContainerError.
    """
    if detach:
        lifecycle.create(root, id, bundle, console_socket=console_socket, **options)
        return start_or_delete(root, id)
    with Foreground(terminal=True) as foreground:
        console = foreground.console
        pid = lifecycle.create(
            root, id, bundle, console_socket=console, die_with_parent=True, **options
        )
        guard = Guard(lambda: lifecycle.delete(root, id, force=True))
        try:
            lifecycle.start(root, id)
            return foreground.stay(pid)
        finally:
            lifecycle.delete(root, id, force=True)
            guard.release()


def start_or_delete(root: str, id: str) -> int:
    """Start the container that we have just created; when that fails, nothing is left. 0."""
    try:
        lifecycle.start(root, id)
    except BaseException:
        lifecycle.delete(root, id, force=True)
        raise
    return 0

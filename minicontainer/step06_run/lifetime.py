"""One container from its beginning to its end: create, start, stay, delete.

In: a bundle. Out: the exit status of its process, and nothing left of it. Both
commands run containers so: `minicontainer run`, and `minirunc run`.
Spec: runtime-spec, runtime.md, "Lifecycle".
"""

from __future__ import annotations

from minicontainer.lib.foreground import Foreground
from minicontainer.step02_runtime import lifecycle


def run_bundle(root: str, id: str, bundle: str, terminal: bool, **options) -> int:
    """Run the container `id` from `bundle`; the exit status of its process.

    The runtime's operations: create (which gets `options` too), start, stay until
    the process ends, delete, the last however the others end. `root` is the
    runtime's state directory. Meanwhile signals to us go on to the process, and
    with `terminal` so does all that is typed. The process dies with us. The status
    is 128 + n if signal n ended it.

    Raises ContainerError. Spec: runtime-spec, runtime.md, "Lifecycle".
    """
    with Foreground(terminal) as foreground:
        console = foreground.console
        pid = lifecycle.create(
            root, id, bundle, console_socket=console, die_with_parent=True, **options
        )
        try:
            lifecycle.start(root, id)
            return foreground.stay(pid)
        finally:
            lifecycle.delete(root, id, force=True)

"""How far is the pull? A bar for each blob on a terminal; nothing where the output is piped."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from minicontainer import explain
from minicontainer.step03_image.spec import Descriptor
from minicontainer.step04_registry.client import Progress


@contextlib.contextmanager
def pull_progress() -> Iterator[Progress | None]:
    """The callback to give to a pull. None, and no bar, unless a person watches standard error."""
    if explain.listener is not None or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Bars(*columns, console=Console(stderr=True)) as bars:
        known: dict[str, object] = {}

        def show(descriptor: Descriptor, done: int) -> None:
            digest = descriptor["digest"]
            if digest not in known:
                short = digest.partition(":")[2][:12]
                known[digest] = bars.add_task(short, total=descriptor["size"])
            bars.update(known[digest], completed=done)  # type: ignore[arg-type]

        yield show

"""The stream of events that the steps emit while they work.

The steps say here what they do: the request sent, the digest verified, the
system call made. `--explain` listens and prints (narrate.py); with nobody
listening an event costs one comparison.

Kinds: step (a new act; `why` in one or two lines), request, response, digest,
syscall, note. `seconds` is how long it took, where that was measured.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False  # as typing's, whose import would cost more than this whole module
if TYPE_CHECKING:
    from collections.abc import Callable

#: called with each event, a dict; None while nobody listens.
listener: Callable[[dict], object] | None = None


def emit(kind: str, text: str, **facts: object) -> None:
    """Tell the listener, if there is one, that `text` happened."""
    if listener is not None:
        listener({"kind": kind, "text": text, "at": time.monotonic(), **facts})


def step(title: str, why: str = "") -> None:
    """A new act begins: `title` in a few words, `why` in one or two plain lines."""
    emit("step", title, why=why)


class silence:
    """Events in this block are nobody's business: work beside the story."""

    def __enter__(self) -> None:
        global listener
        self.kept, listener = listener, None

    def __exit__(self, *_: object) -> None:
        global listener
        listener = self.kept

"""What is said between a client and its servers during a pull, also when something goes wrong.

In: the name of a mishap. Out: the conversation, line by line. The client is the
package's own; the servers are made up, and answer as real ones do.
"""

from __future__ import annotations

import json
import tempfile
import urllib.parse
from collections.abc import Callable
from typing import Any

from minicontainer.step03_image.layout import create_layout
from minicontainer.step04_registry.client import Registry, get_blob, get_manifest
from minicontainer.workshop.html import pre
from minicontainer.workshop.samples.small_images import CONFIG, LAYER_GZIP, MANIFEST, sha256
from minicontainer.workshop.widgets import Shown

from .registries import HOST, Answer, Asked, Wire

#: what may happen, by the words in the menu
MISHAPS = {
    "nothing goes wrong": "well",
    "the token gets too old": "old token",
    "the blob is somewhere else": "elsewhere",
    "the connection breaks": "break",
}
_LAYER = b"a layer" * 1000
_DIGEST = sha256(_LAYER)
_BLOB = {"mediaType": LAYER_GZIP, "digest": _DIGEST, "size": len(_LAYER)}
_CONFIG = {"mediaType": CONFIG, "digest": sha256(b"{}"), "size": 2}
_MANIFEST = json.dumps(
    {"schemaVersion": 2, "mediaType": MANIFEST, "config": _CONFIG, "layers": [_BLOB]}
).encode()
_STORE = "https://storage.example/5b1c?signature=77aa"
_ASK = f'Bearer realm="https://auth.example/token",service="{HOST}"'


class _Servers:
    """A registry, a token service and a storage; they keep what was said."""

    def __init__(self, mishap: str) -> None:
        self.mishap, self.tokens, self.broken = mishap, 0, False
        self.said: list[str] = []

    def answer(self, asked: Asked) -> Answer:
        answer, remark = self._route(asked)
        host = urllib.parse.urlsplit(asked.url).hostname or ""
        self.said.append(f"→ {host:<16} {asked.method} {_short(asked.url)}{_shown(asked)}")
        self.said.append(f"← {host:<16} {answer.status}{remark}")
        return answer

    def _route(self, asked: Asked) -> tuple[Answer, str]:
        if asked.url.startswith("https://auth.example/"):
            self.tokens += 1
            return Answer(200, {"token": f"t{self.tokens}"}), f'  {{"token": "t{self.tokens}"}}'
        if asked.url == _STORE:
            return Answer(200, _LAYER), f"  {len(_LAYER)} bytes"
        if asked.authorization != f"Bearer t{self.tokens}" or self._too_old(asked):
            remark = "  WWW-Authenticate: Bearer realm=…"
            return Answer(401, b"", WWW_Authenticate=_ASK), remark
        if "/manifests/" in asked.path:
            return Answer(200, _MANIFEST, Content_Type=MANIFEST), f"  {len(_MANIFEST)} bytes"
        return self._blob(asked)

    def _too_old(self, asked: Asked) -> bool:
        return self.mishap == "old token" and "/blobs/" in asked.path and self.tokens == 1

    def _blob(self, asked: Asked) -> tuple[Answer, str]:
        if self.mishap == "elsewhere":
            return Answer(307, b"", Location=_STORE), f"  Location: {_STORE}"
        if self.mishap == "break" and not self.broken:
            self.broken = True
            body: list[Any] = [_LAYER[:3000], ConnectionResetError("connection reset by peer")]
            return Answer(200, body), "  3000 bytes, and the connection breaks"
        if asked.start:
            part = f"bytes {asked.start}-{len(_LAYER) - 1}/{len(_LAYER)}"
            return Answer(206, _LAYER[asked.start :], Content_Range=part), f"  {part}"
        return Answer(200, _LAYER), f"  {len(_LAYER)} bytes"


def _short(url: str) -> str:
    """The address without its host, and with short digests."""
    short = f"{_DIGEST[:11]}…"
    text = url.partition("://")[2].partition("/")[2].replace(_DIGEST, short)
    path, mark, query = text.partition("?")
    return f"/{path}{mark}{urllib.parse.unquote(query)}"


def _shown(asked: Asked) -> str:
    """The headers that matter, each on a line of its own."""
    names = [name for name in ("authorization", "range") if name in asked.headers]
    return "".join(f"\n{'':<19}{name.capitalize()}: {asked.headers[name]}" for name in names)


def talk(mishap: str = "well") -> list[str]:
    """All that is said while a manifest and its layer are fetched, message by message."""
    servers = _Servers(mishap)
    registry = Registry(HOST, session=Wire(servers.answer).session)
    with tempfile.TemporaryDirectory(prefix="lab04-") as directory:
        get_manifest(registry, "team/app", "1.0")
        get_blob(registry, "team/app", _BLOB, create_layout(directory))  # type: ignore[arg-type]
    return servers.said


def blob_talk(mishap: str) -> str:
    """What is said from the first request for the layer on."""
    said = talk(mishap)
    first = next(n for n, message in enumerate(said) if "/blobs/" in message)
    return "\n".join(said[first:])


class Talk(Shown):
    """A menu of mishaps, and the conversation below it, which can be walked through."""

    def __init__(self, tell: Callable[[str], list[str]] = talk) -> None:
        self.talks = {words: tell(mishap) for words, mishap in MISHAPS.items()}

    def widget(self) -> Any:
        """The menu, a slider for how many messages to show, and these."""
        import ipywidgets

        wide = {"description_width": "initial"}
        menu = ipywidgets.Dropdown(options=list(self.talks), description="what happens", style=wide)
        slider = ipywidgets.IntSlider(min=0, max=1, value=0, description="messages", style=wide)
        shown = ipywidgets.HTML()

        def show(_: object = None) -> None:
            told = self.talks[menu.value][: slider.value]
            shown.value = pre("\n".join(told) or "(move the slider: one message after the other)")

        def choose(_: object = None) -> None:
            slider.max = len(self.talks[menu.value])
            slider.value = 0
            show()

        menu.observe(choose, "value")
        slider.observe(show, "value")
        choose()
        return ipywidgets.VBox([ipywidgets.HBox([menu, slider]), shown])

    def html(self) -> str:
        """The conversation in which nothing goes wrong."""
        return pre("\n".join(next(iter(self.talks.values()))))

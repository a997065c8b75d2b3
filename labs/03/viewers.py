"""What lab 03's widgets show: the blobs of an image, and what each of its layers does."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from minicontainer.lib.tar import DIRECTORY, read_tar
from minicontainer.step03_image.layers import OPAQUE, WHITEOUT
from minicontainer.step03_image.layout import Layout, read_blob, references
from minicontainer.step03_image.manifest import (
    host_platform,
    identity,
    platform_name,
    platforms_run_by,
)
from minicontainer.step03_image.spec import INDEX_TYPES, MANIFEST_TYPES, Descriptor
from minicontainer.workshop.html import MONO, box, line, pre
from minicontainer.workshop.widgets import Shown, redrawn

_LINE = "border-bottom: 1px solid var(--jp-border-color2, #8885)"
_CELL = f"padding: 0.15em 0.9em; text-align: left; {_LINE}"
_LOOKS = {
    "adds": "color: var(--jp-success-color1, #1a7f37)",
    "replaces": "color: var(--jp-warn-color1, #9a6700)",
    "hides": "color: var(--jp-error-color1, #cf222e)",
}
_SIGNS = {"adds": "+", "replaces": "~", "hides": "-"}


class Browser(Shown):
    """Pick a name, then a platform, then a blob of an image, and read it."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.images = {
            name: list(_manifests(layout, descriptor))
            for name, descriptor in references(layout).items()
        }

    def widget(self) -> Any:
        """Three menus, and the blob below them."""
        import ipywidgets

        name = ipywidgets.Dropdown(options=list(self.images), description="name")
        platform = ipywidgets.Dropdown(description="platform")
        blob = ipywidgets.Dropdown(description="blob")
        shown = ipywidgets.HTML()

        def pick_name(_: object = None) -> None:
            platform.options = [platform_of(one) for one in self.images[name.value]]
            platform.index = best(self.images[name.value])
            pick_platform()

        def pick_platform(_: object = None) -> None:
            blob.options = [label for label, _ in blobs()]
            blob.index = 0
            pick_blob()

        def blobs() -> list[tuple[str, Descriptor]]:
            return self.blobs(self.images[name.value][platform.index or 0])

        def pick_blob(_: object = None) -> None:
            shown.value = pre(self.text(blobs()[blob.index or 0][1]))

        for menu, pick in ((name, pick_name), (platform, pick_platform), (blob, pick_blob)):
            menu.observe(pick, "index")
        pick_name()
        return ipywidgets.VBox([ipywidgets.HBox([name, platform, blob]), shown])

    def html(self) -> str:
        """The names, and the platforms behind each."""
        lines = [
            f"{name}: {', '.join(map(platform_of, found))}" for name, found in self.images.items()
        ]
        return box(*map(line, lines))

    def blobs(self, manifest: Descriptor) -> list[tuple[str, Descriptor]]:
        """The blobs of one image, each with what to call it."""
        document = json.loads(read_blob(self.layout, manifest))
        layers = [(f"layer {n}", layer) for n, layer in enumerate(document["layers"], 1)]
        return [("manifest", manifest), ("config", document["config"]), *layers]

    def text(self, descriptor: Descriptor) -> str:
        """What is in the blob: JSON laid out, or the size and type of a layer."""
        head = f"{descriptor['mediaType']}\n{descriptor['digest']}\n{descriptor['size']} bytes"
        if not descriptor["mediaType"].endswith("+json"):
            return head
        content = json.loads(read_blob(self.layout, descriptor))
        return f"{head}\n\n{json.dumps(content, indent=2)}"


def best(manifests: Sequence[Descriptor]) -> int:
    """The place of the one for this machine, else of the first that is an image, else 0."""
    own = [identity(one["platform"]) if "platform" in one else None for one in manifests]
    nobody = ("unknown", "unknown", "")
    fitting = [own.index(one) for one in platforms_run_by(host_platform()) if one in own]
    fitting += [place for place, one in enumerate(own) if one != nobody]
    return fitting[0] if fitting else 0


def platform_of(descriptor: Descriptor) -> str:
    """The entry's platform in a word."""
    return platform_name(descriptor["platform"]) if "platform" in descriptor else "no platform"


def _manifests(layout: Layout, descriptor: Descriptor) -> Iterable[Descriptor]:
    if descriptor["mediaType"] in MANIFEST_TYPES:
        yield descriptor
    elif descriptor["mediaType"] in INDEX_TYPES:
        for entry in json.loads(read_blob(layout, descriptor))["manifests"]:
            yield from _manifests(layout, entry)


class LayerTable(Shown):
    """What each of some uncompressed layers adds (+), replaces (~) and hides (-)."""

    def __init__(self, layers: Sequence[bytes]) -> None:
        self.effects: list[dict[str, str]] = []
        self.states: list[set[str]] = []
        below: set[str] = set()
        for layer in layers:
            effect = _effect(layer, below)
            below = {n for n in below | set(effect) if effect.get(n) != "hides"}
            self.effects.append(effect)
            self.states.append(below)

    def widget(self) -> Any:
        """A slider: so many layers, and what the root filesystem is then."""
        import ipywidgets

        count = len(self.effects)
        slider = ipywidgets.IntSlider(value=count, min=1, max=count, description="layers")
        return redrawn(slider, self._table)

    def html(self) -> str:
        """The table of all layers."""
        return self._table(len(self.effects))

    def _table(self, count: int) -> str:
        names = sorted({name for effect in self.effects[:count] for name in effect})
        heads = ["", *(f"layer {n}" for n in range(1, count + 1)), "root filesystem"]
        rows = [f"<tr>{''.join(_cell(head, _CELL) for head in heads)}</tr>"]
        for name in names:
            cells = [_cell(name, f"{_CELL}; {MONO}")]
            for effect in self.effects[:count]:
                word = effect.get(name, "")
                cells.append(
                    _cell(f"{_SIGNS.get(word, '')} {word}", f"{_CELL}; {_LOOKS.get(word, '')}")
                )
            there = name in self.states[count - 1]
            cells.append(_cell(name if there else "", f"{_CELL}; {MONO}"))
            rows.append(f"<tr>{''.join(cells)}</tr>")
        style = "border-collapse: collapse; color: var(--jp-ui-font-color1, inherit)"
        return f'<table style="{style}">{"".join(rows)}</table>'


def _cell(text: str, style: str) -> str:
    return f'<td style="{style}">{escape(text.strip())}</td>'


def _effect(layer: bytes, below: set[str]) -> dict[str, str]:
    """For each name that the layer speaks of, what it does to it; by names alone."""
    entries = list(read_tar(io.BytesIO(layer)))
    own = {entry.name: entry for entry in entries if not _last(entry.name).startswith(WHITEOUT)}
    effect = {}
    for entry in entries:
        parent, last = entry.name.rpartition("/")[0], _last(entry.name)
        if last == OPAQUE:
            hidden = {name for name in below if name.startswith(f"{parent}/")}
        elif last.startswith(WHITEOUT):
            hidden = {f"{parent}/{last.removeprefix(WHITEOUT)}"}
        else:
            hidden = set()
        effect.update(dict.fromkeys(hidden, "hides"))
    for name, entry in own.items():
        if name in below and entry.type == DIRECTORY:
            continue
        effect[name] = "replaces" if name in below else "adds"
    return effect


def _last(name: str) -> str:
    return name.rpartition("/")[2]

"""`Picture`: DOT text, SVG, PNG, a file, or a notebook's output; and `Sketch`, which makes one.

A sketch names its nodes itself (n1, n2, …), so that foreign text reaches DOT
only as a label, where text.py has made it harmless. Every node carries its
own size: any Graphviz then lays it out alike.
"""

from __future__ import annotations

import base64
import contextlib
import html
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import graphviz

from minicontainer.lib.files import write_whole

from . import render
from .render import PictureError
from .text import columns, label, readable

#: what a node is -> its fill and its line; dark text on them reads in either theme.
COLOURS = {
    "reference": ("#ffffff", "#57606a"),
    "index": ("#fbefff", "#8250df"),
    "manifest": ("#ddf4ff", "#0969da"),
    "config": ("#fff8c5", "#9a6700"),
    "layer": ("#dafbe1", "#1a7f37"),
    "shared": ("#fff1e5", "#bc4c00"),
    "quiet": ("#f6f8fa", "#8c959f"),
    "warning": ("#ffebe9", "#cf222e"),
    "process": ("#ffeff7", "#bf3989"),
}
INK, GREY = "#1f2328", "#6e7781"
_GRAPH = {"rankdir": "LR", "nodesep": ".12", "ranksep": ".7", "ordering": "out"}
_FONT = {"fontname": "Courier", "fontsize": "10"}
_FRAME = {"style": "rounded", "color": "#8c959f", "fontcolor": GREY, "margin": "9"}
_FRAME |= {"labeljust": "l", "labelloc": "t"}
_EDGE = {"color": "#8c959f", "arrowsize": ".55", "fontcolor": GREY, "fontsize": "9"}
#: what a picture needs of its page: its plain text in the colour of the text around it,
#: but in its own grey on paper, where a dark page's light text would not be read. In a file,
#: which knows nothing of its page, GREY and the colours of lines can be read on white and black.
STYLE = (
    "<style>.mc-picture{overflow-x:auto}.mc-picture svg{display:block}"
    "@media screen{.mc-picture .frame>text,.mc-picture .edge>text,.mc-picture .graph>text,"
    ".mc-picture .plain>text{fill:currentColor}}"
    "@media print{.mc-picture svg{max-width:100%;height:auto}}</style>"
)


class Picture:
    """One drawing: `.dot` is its text, `alt` says what is seen."""

    def __init__(self, dot: str, alt: str, tips: dict[str, str] | None = None) -> None:
        self.dot, self.alt, self.tips = dot, readable(alt, 2000), tips or {}

    def svg(self) -> str:
        """The picture as one `<svg>` element. Raises PictureError where no Graphviz is."""
        return self._svg

    @cached_property
    def _svg(self) -> str:
        return render.tidy(render.draw(self.dot), self.alt, self.tips)

    def png(self) -> bytes:
        """The picture on white, at 144 dots an inch. Needs the program `dot`."""
        return render.draw(self.dot, "png")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write .svg, .dot or .png, as the name ends; readers see the old file or the new."""
        path = Path(path)
        makers = {".svg": lambda: self.svg().encode(), ".dot": self.dot.encode, ".png": self.png}
        if path.suffix not in makers:
            raise PictureError("the name must end in .svg, .dot or .png", str(path))
        return save(path, makers[path.suffix]())

    def _repr_html_(self) -> str:
        try:
            return framed(self.svg(), self.alt)
        except PictureError as error:
            return f"<p>{html.escape(str(error))}</p><pre>{html.escape(self.dot)}</pre>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        bundle = {"text/html": self._repr_html_(), "text/plain": self.alt}
        with contextlib.suppress(PictureError):
            bundle["image/svg+xml"] = self.svg()
        return bundle

    def __repr__(self) -> str:
        return f"<Picture: {self.alt}>"


def framed(svg: str, alt: str) -> str:
    """HTML that shows `svg`: as an image, which a page that allows no more keeps; then inline.

    inline.js puts the drawing itself in its image's place, so that it takes the page's colours; its
    own image only: another's, in a notebook that is not trusted, may hold scripts.
    """
    source = f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
    image = f'<img src="{source}" alt="{html.escape(alt)}">'
    return f'{STYLE}<div class="mc-picture">{image}</div>{script("inline.js")}'


def script(name: str) -> str:
    """The script in the file `name` of this room, as HTML."""
    return f"<script>\n{Path(__file__).with_name(name).read_text('utf-8')}</script>"


class Sketch:
    """A picture being drawn: add nodes, edges and clusters, then take the `picture`."""

    def __init__(self, caption: Iterable[str] = (), **attributes: str) -> None:
        attributes = {"label": label(caption), **attributes}
        graph = {**_GRAPH, **_FONT, "bgcolor": "transparent", "fontcolor": GREY, **attributes}
        node = {**_FONT, "shape": "box", "style": "rounded,filled", "fixedsize": "true"}
        self._whole = graphviz.Digraph(
            graph_attr=graph, node_attr=node, edge_attr={**_FONT, **_EDGE}
        )
        self._here = self._whole
        self._sideways = graph["rankdir"] == "LR"
        self._count = 0
        self.tips: dict[str, str] = {}

    def node(
        self, kind: str, lines: Sequence[str], tip: str = "", wide: int = 0, **attributes: str
    ) -> str:
        """A box of `kind` (see COLOURS, or "plain" for bare text); its name is returned.

        It is as wide as its longest line, at least `wide` characters; `tip`
        is shown when a mouse rests on it.
        """
        self._count += 1
        name = f"n{self._count}"
        lines = [readable(line) for line in lines]
        width = max(wide, *(columns(line) for line in lines)) * 6.05 + 16
        size = {"width": f"{width / 72:.2f}", "height": f"{(len(lines) * 12 + 10) / 72:.2f}"}
        self._here.node(
            name, label(lines), _attributes={**size, **_look(kind), "class": kind, **attributes}
        )
        if tip:
            self.tips[name] = readable(tip, 400)
        return name

    def edge(self, tail: str, head: str, text: str = "", **attributes: str) -> None:
        """An arrow between two nodes, left to right or top to bottom as the sketch runs."""
        ports = ("e", "w") if self._sideways else ("s", "n")
        attributes = {"tailport": ports[0], "headport": ports[1], **attributes}
        if text:
            attributes["label"] = label([text], r"\n")
        self._here.edge(tail, head, _attributes=attributes)

    @contextmanager
    def cluster(self, lines: Iterable[str] = (), **attributes: str) -> Iterator[str]:
        """A rounded frame, titled with `lines`, around the nodes added inside."""
        self._count += 1
        name, outside = f"cluster_{self._count}", self._here
        own = {"label": label(lines), "class": "filled" if "fillcolor" in attributes else "frame"}
        inside = graphviz.Digraph(name, graph_attr={**_FRAME, **own, **attributes})
        self._here = inside
        try:
            yield name
        finally:
            self._here = outside
        outside.subgraph(inside)

    def picture(self, alt: str) -> Picture:
        """What was sketched, with `alt` saying in words what is seen."""
        return Picture(self._whole.source, alt, self.tips)


def save(path: Path, content: bytes) -> Path:
    """Write the file at `path`, whole; give the path. Raises PictureError."""
    try:
        write_whole(path, content)
    except OSError as error:
        raise PictureError(error.strerror or str(error), str(path)) from error
    return path


def _look(kind: str) -> dict[str, str]:
    if kind == "plain":
        return {"style": "", "shape": "plaintext", "fontcolor": GREY}
    fill, line = COLOURS[kind]
    return {"fillcolor": fill, "color": line, "fontcolor": INK}

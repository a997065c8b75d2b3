"""The manifest graph to click on: a node opens its JSON, or its layer's file list.

All is in the HTML itself, drawn and escaped here, so that it works without a
kernel; the script only shows the section that was asked for. Where a page runs
no scripts (a notebook not trusted yet) the picture remains. Links and boxes are
`data-open="DIGEST"` for one listener: JupyterLab trips over <a> in SVG.
"""

from __future__ import annotations

import contextlib
import html
import json
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from minicontainer.errors import MinicontainerError

from .documents import Found, Image
from .drawing import Picture, framed, save, script
from .files import list_files
from .manifests import draw_images
from .render import SVG
from .sources import Names, open_images
from .text import readable, size

#: characters of JSON to show of one document.
LONGEST_JSON = 60_000
_DIGEST = re.compile(r"sha(?:256|512):[0-9a-f]{64,128}")


class Explorer:
    """A picture whose boxes open what stands behind them; show it in a notebook, or `save` it."""

    def __init__(self, picture: Picture, html_text: str) -> None:
        self.picture, self.html = picture, html_text

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a page of its own, which needs nothing else."""
        head = (
            '<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
        )
        title = f"<title>{html.escape(self.picture.alt[:80])}</title>"
        return save(Path(path), f"{head}{title}{self.html}".encode())

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.picture.alt}


def explore(images: Names, platform: str | None = None) -> Explorer:
    """As manifest_graph, but to click on; it reads the configs, and local layers' file lists.

    Raises a MinicontainerError when an image is not to be found.
    """
    return explore_images(open_images(images, configs=True), platform)


def explore_images(images: Sequence[Image], platform: str | None = None) -> Explorer:
    """As explore, for images that were opened already, with their configs."""
    picture, behind = draw_images(images, platform)
    panels = _panels(images, {it.digest for found in behind.values() for it in found})
    lists = {
        f"list-{name}": _list(found, panels) for name, found in behind.items() if len(found) > 1
    }
    drawn = _clickable(picture, behind)
    sections = "".join(
        f'<section data-panel="{html.escape(key)}" hidden>{content}</section>'
        for key, content in {**panels, **lists}.items()
    )
    hint = "<p><small>Click a box, or go there by Tab and press Enter, to open it.</small></p>"
    store = f'<script type="text/html" class="mc-panels">{hint}{sections}</script>'
    style = Path(__file__).with_name("explore.css").read_text("utf-8")
    whole = f'<style>\n{style}</style><div class="mc-explore">{drawn}{store}</div>'
    return Explorer(picture, whole + script("explore.js"))


def _clickable(picture: Picture, behind: dict[str, list[Found]]) -> str:
    """The picture, its boxes made buttons."""
    root = ET.fromstring(picture.svg())
    root.set("role", "group")
    for group in root.iter(f"{SVG}g"):
        name = group.get("data-node", "")
        found = behind.get(name)
        if found:
            lines = [text.text or "" for text in group.iter(f"{SVG}text")]
            group.set("role", "button")
            group.set("tabindex", "0")
            group.set("aria-label", " ".join(lines))
            group.set("data-open", found[0].digest if len(found) == 1 else f"list-{name}")
    return framed(ET.tostring(root, encoding="unicode"), picture.alt)


def _panels(images: Sequence[Image], shown: set[str]) -> dict[str, str]:
    """For each document and layer that is `shown`: what opens."""
    jobs: dict[str, tuple[Image, Found]] = {}
    for image in images:
        for found in image.top.each():
            if found.digest in shown:
                jobs.setdefault(found.digest, (image, found))
    with ThreadPoolExecutor(8) as pool:
        bodies = list(pool.map(lambda job: _body(*job), jobs.values()))
    known = set(jobs)
    return {
        digest: _heading(found) + _linked(body, known)
        for (digest, (_, found)), body in zip(jobs.items(), bodies, strict=True)
    }


def _heading(found: Found) -> str:
    media_type = readable(found.descriptor["mediaType"], 120)
    what = html.escape(f"{media_type} · {size(found.size)}")
    name = html.escape(f"{found.kind} {found.platform}".strip())
    return f"<p><b>{name}</b> · {what}<br><code>{html.escape(found.digest)}</code></p>"


def _body(image: Image, found: Found) -> str:
    """What the blob holds, as text: JSON, or a list of files."""
    if found.kind == "layer":
        file = image.file(found.digest)
        if file is None:
            return "The layer is not on this machine: pull the image to see its files."
        return list_files(file)
    try:
        content = image.read(found.descriptor) if found.content is None else found.content
    except MinicontainerError as error:
        return str(error)
    return pretty(content)


def pretty(content: bytes) -> str:
    """JSON set out for reading; what is no JSON as it is; at most LONGEST_JSON characters."""
    text = content.decode(errors="replace")
    with contextlib.suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return text if len(text) <= LONGEST_JSON else text[:LONGEST_JSON] + "\n… and more"


def _linked(text: str, known: set[str]) -> str:
    """`text` escaped, with a button for every digest that has a panel."""

    def button(match: re.Match[str]) -> str:
        digest = match.group()
        if digest not in known:
            return digest
        return f'<span role="button" tabindex="0" data-open="{digest}">{digest}</span>'

    shown = "\n".join(readable(line, 400) for line in text.split("\n"))
    return f"<pre>{_DIGEST.sub(button, html.escape(shown))}</pre>"


def _list(found: Sequence[Found], panels: dict[str, str]) -> str:
    rows = "\n".join(f"{it.digest}  {size(it.size):>9}  {it.platform or it.kind}" for it in found)
    return _linked(rows, set(panels))

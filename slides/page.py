"""Slides as one HTML file that needs nothing else: no network, no Node, no other file.

In: decks (deck.py). Out: a page (page.html); arrows and space turn it, n shows the
notes (page.js). The theme is the one that Marp uses; pictures are written into the page.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence
from pathlib import Path

from markdown_it import MarkdownIt

from .deck import Deck, Slide, SlidesError

_SOURCE = re.compile(r'src="([^"]*)"')
#: anything that would make a browser ask another machine; names of XML languages are not asked for
_REMOTE = re.compile(
    r"""(?:(?:src|href|poster|data)\s*=\s*["']?|url\(\s*["']?|@import\s+["']?)"""
    r"""\s*(?:[a-z]+:)?//[^\s"')]*""",
    re.IGNORECASE,
)


def page(decks: Sequence[Deck], theme: str) -> str:
    """All slides of `decks` as one HTML page. Raises SlidesError for a remote address."""
    sections = [(deck, slide) for deck in decks for slide in deck.slides]
    settings = decks[0].settings
    whole = _beside("page.html").format(
        language=html.escape(settings.get("lang", "en")),
        title=html.escape(settings.get("title", "Slides")),
        style=theme + _beside("page.css"),
        slides="\n".join(_section(*pair, number) for number, pair in enumerate(sections, 1)),
        script=_beside("page.js"),
    )
    refuse_remote(whole, settings.get("title", ""))
    return whole


def _beside(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def refuse_remote(text: str, where: str) -> None:
    """Raises SlidesError when `text` (HTML or CSS) would make a browser ask another machine."""
    found = _REMOTE.search(text)
    if found:
        hint = "Slides must work without a network: put the file beside them."
        raise SlidesError(f"a remote address: {found[0]}", where, hint)


def _section(deck: Deck, slide: Slide, number: int) -> str:
    inside = MarkdownIt("commonmark").enable("table").render(slide.text)
    inside = _SOURCE.sub(lambda found: f'src="{_inlined(deck.path.parent / found[1])}"', inside)
    footer = html.escape(deck.settings.get("footer", ""))
    return (
        f'<section class="{slide.look}" data-marpit-pagination="{number}"'
        f' data-minutes="{slide.minutes:g}" data-notes="{html.escape(slide.notes)}">\n'
        f"{inside}<footer>{footer}</footer>\n</section>"
    )


def _inlined(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SlidesError(f"no such picture: {error.strerror}", str(path)) from None
    return f"data:image/svg+xml;base64,{base64.b64encode(content).decode()}"

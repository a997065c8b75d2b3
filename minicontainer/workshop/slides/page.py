"""Slides as one HTML file that needs nothing else: no network, no Node, no other file.

In: decks (deck.py). Out: a page; arrows and space turn it, n shows the notes.
The theme is the one that Marp uses; pictures are written into the page.
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

_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
{theme}
{frame}
</style>
</head>
<body>
<main>
{slides}
</main>
<aside id="notes" hidden></aside>
<script>
{script}
</script>
</body>
</html>
"""

_FRAME = """
html, body { margin: 0; height: 100%; background: #d0d7de; overflow: hidden; }
main > section { display: none; position: absolute; left: 50%; top: 50%; box-sizing: border-box;
  transform-origin: 0 0; transform: scale(var(--scale, 1)) translate(-50%, -50%); }
main > section.now { display: flex; }
main > section::after { content: attr(data-marpit-pagination); }
#notes { position: fixed; inset: auto 0 0 0; max-height: 40%; overflow: auto; padding: .8em 1.2em;
  background: #1f2328; color: #f6f8fa; font: 18px/1.5 system-ui, sans-serif; }
@media print {
  @page { size: 1280px 720px; margin: 0; }
  html, body { height: auto; overflow: visible; }
  main > section { display: flex; position: relative; left: 0; top: 0; transform: none;
    break-after: page; }
  #notes { display: none; }
}
"""

_SCRIPT = """
const slides = [...document.querySelectorAll("main > section")];
const notes = document.getElementById("notes");
let now = 0;
function show(number) {
  now = Math.min(Math.max(number, 0), slides.length - 1);
  slides.forEach((slide, at) => slide.classList.toggle("now", at === now));
  const { minutes, notes: text } = slides[now].dataset;
  notes.textContent = `${now + 1}/${slides.length} · ${minutes} min · ${text}`;
  history.replaceState(null, "", `#${now + 1}`);
}
function fit() {
  const scale = Math.min(innerWidth / 1280, innerHeight / 720);
  document.documentElement.style.setProperty("--scale", scale);
}
const keys = {
  ArrowRight: 1, ArrowDown: 1, PageDown: 1, " ": 1, Enter: 1,
  ArrowLeft: -1, ArrowUp: -1, PageUp: -1, Backspace: -1,
};
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key in keys) show(now + keys[event.key]);
  else if (event.key === "Home") show(0);
  else if (event.key === "End") show(slides.length - 1);
  else if (event.key === "n") notes.hidden = !notes.hidden;
  else if (event.key === "f") document.documentElement.requestFullscreen?.();
  else return;
  event.preventDefault();
});
addEventListener("click", (event) => show(now + (event.clientX < innerWidth / 4 ? -1 : 1)));
addEventListener("hashchange", () => show(Number(location.hash.slice(1)) - 1));
addEventListener("resize", fit);
fit();
show(Number(location.hash.slice(1) || 1) - 1);
"""


def page(decks: Sequence[Deck], theme: str) -> str:
    """All slides of `decks` as one HTML page. Raises SlidesError for a remote address."""
    sections = [(deck, slide) for deck in decks for slide in deck.slides]
    settings = decks[0].settings
    whole = _PAGE.format(
        language=html.escape(settings.get("lang", "en")),
        title=html.escape(settings.get("title", "Slides")),
        theme=theme,
        frame=_FRAME,
        slides="\n".join(_section(*pair, number) for number, pair in enumerate(sections, 1)),
        script=_SCRIPT,
    )
    refuse_remote(whole, settings.get("title", ""))
    return whole


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

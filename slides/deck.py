"""What does a deck say? Marp Markdown, read: slides, speaker notes with minutes, commands.

In: slides/en/*.md, slides/ko/*.md. Out: `Deck` records. A comment that starts with
a number of minutes (`2 min:`, `2분:`) holds the notes; `_class:` is Marp's own.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from minicontainer.errors import MinicontainerError

PROJECT = Path(__file__).parents[1]
SLIDES = PROJECT / "slides"
LANGUAGES = ("en", "ko")
_COMMENT = re.compile(r"<!--(.*?)-->\n?", re.DOTALL)
_MINUTES = re.compile(r"(\d+(?:\.5)?) ?(?:min|분):\s*")
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)]*)\)")


class SlidesError(MinicontainerError):
    """A deck can't be read or shown as it is."""


class Slide(NamedTuple):
    """One slide: its Markdown, its look (a CSS class), the speaker's notes and minutes."""

    text: str
    look: str
    notes: str
    minutes: float

    @property
    def pictures(self) -> list[tuple[str, str]]:
        """(alt text, path) of every picture on it."""
        return _PICTURE.findall(self.text)


class Deck(NamedTuple):
    """One file of slides; `settings` is what stands before the first one."""

    path: Path
    settings: dict[str, str]
    slides: list[Slide]

    @property
    def demos(self) -> list[str]:
        """The inside of every block of commands, in order."""
        return demo_blocks("\n".join(slide.text for slide in self.slides))


class Command(NamedTuple):
    """One command of a demo, as it is typed, and the output shown below it."""

    text: str
    shown: str


def read_decks(language: str, root: Path = SLIDES) -> list[Deck]:
    """All decks of `language`, in the order of the talk. Raises SlidesError."""
    decks = [read_deck(path) for path in sorted((root / language).glob("*.md"))]
    if not decks:
        raise SlidesError("there are no slides", str(root / language))
    return decks


def read_deck(path: Path) -> Deck:
    """The deck in the file `path`. Raises SlidesError."""
    parts = split_slides(path.read_text(encoding="utf-8"))
    if len(parts) < 3 or parts[0].strip():
        raise SlidesError("a deck starts with its settings between two lines ---", str(path))
    pairs = (line.partition(": ")[::2] for line in parts[1].strip().splitlines())
    slides = [_read_slide(part, path, number) for number, part in enumerate(parts[2:], 1)]
    return Deck(path, {name: value.strip('"') for name, value in pairs}, slides)


def split_slides(text: str) -> list[str]:
    """`text` cut at the lines `---` that are not inside a fenced block."""
    parts, fenced = [""], False
    for line in text.splitlines(keepends=True):
        fenced ^= line.startswith("```")
        if line.strip() == "---" and not fenced:
            parts.append("")
        else:
            parts[-1] += line
    return parts


def _read_slide(part: str, path: Path, number: int) -> Slide:
    look, notes = "", ""
    for comment in (found.strip() for found in _COMMENT.findall(part)):
        if comment.startswith("_class:"):
            look = comment.partition(":")[2].strip()
        else:
            notes = comment
    minutes = _MINUTES.match(notes)
    if not minutes:
        raise SlidesError("no notes that start with minutes", f"{path}, slide {number}")
    text = _COMMENT.sub("", part).strip()
    return Slide(text, look, notes[minutes.end() :].strip(), float(minutes[1]))


def demo_blocks(text: str) -> list[str]:
    """The inside of every ```console block in `text`."""
    return _BLOCK.findall(text)


def commands_of(block: str) -> list[Command]:
    """The commands of a block: `$ ` starts one, `> ` goes on with it, the rest is output."""
    found: list[tuple[list[str], list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append(([line[2:]], []))
        elif not found:
            raise SlidesError("a block of commands starts with $", line)
        elif line.startswith("> ") and not found[-1][1]:
            found[-1][0].append(line[2:])
        else:
            found[-1][1].append(line)
    return [Command("\n".join(typed), "\n".join(shown)) for typed, shown in found]


def out_of_step(one: Deck, other: Deck) -> str:
    """What differs between two languages of a deck that must not; "" if nothing."""
    if len(one.slides) != len(other.slides):
        return f"{len(one.slides)} and {len(other.slides)} slides"
    for number, (a, b) in enumerate(zip(one.slides, other.slides, strict=True), 1):
        shared = (
            ("look", a.look, b.look),
            ("minutes", a.minutes, b.minutes),
            ("pictures", [path for _, path in a.pictures], [path for _, path in b.pictures]),
            ("commands", demo_blocks(a.text), demo_blocks(b.text)),
        )
        for name, mine, yours in shared:
            if mine != yours:
                return f"slide {number}: {name}: {mine!r} and {yours!r}"
    return ""

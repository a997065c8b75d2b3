"""Text for pictures: foreign names made harmless, digests and sizes made short.

Whatever an image, a registry or /proc says is foreign: `readable` takes out
what a terminal or an XML parser would trip over, `label` what DOT would obey.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

#: general categories that show nothing, or reorder what stands around them.
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}

_ENTITY = re.compile(r"&(?=#?\w+;)")


def readable(text: object, limit: int = 60) -> str:
    """`text` on one line of at most `limit` characters, control characters shown as `�`."""
    shown = "".join("\ufffd" if unicodedata.category(c) in _INVISIBLE else c for c in str(text))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def label(lines: Iterable[str], end: str = r"\l") -> str:
    r"""The DOT label of `lines`, each closed by `end` (`\l` left, `\n` centre).

    Backslashes are doubled, and what looks like an entity (`&lt;`) is parted by
    a character without width, so that DOT finds neither; the `graphviz` package
    quotes the rest. The closing escape also keeps `<…>` from being read as HTML. A line
    without text gets a space: a frame titled by nothing stops Graphviz.
    """
    shown = [readable(line, 120) or " " for line in lines]
    return "".join(_ENTITY.sub("&\u2060", line).replace("\\", "\\\\") + end for line in shown)


def columns(line: str) -> int:
    """How many columns `line` takes in a fixed-width font."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def short(digest: str) -> str:
    """`sha256:` and twelve digits: enough to tell digests apart by eye."""
    algorithm, _, encoded = str(digest).partition(":")
    return readable(f"{algorithm}:{encoded[:12]}" if encoded else algorithm, 24)


def size(count: int) -> str:
    """A number of bytes as people say it: `532 B`, `29.2 MB` (powers of 1000)."""
    if count < 1000:
        return f"{count} B"
    amount = float(count)
    for unit in ("kB", "MB", "GB", "TB", "PB"):
        amount /= 1000
        if amount < 999.5 or unit == "PB":
            break
    return f"{amount:.1f} {unit}" if amount < 99.95 else f"{amount:.0f} {unit}"


def bar(count: int, most: int, width: int = 8) -> str:
    """`count` beside the largest, `most`, as a bar of up to `width` characters."""
    halves = round(2 * width * count / most) if most > 0 else 0
    whole, rest = divmod(min(max(halves, 1), 2 * width), 2)
    return "━" * whole + "╸" * rest


def plural(count: int, noun: str) -> str:
    """`1 layer`, `2 layers`, `2 indexes`, `2 repositories`."""
    if count == 1:
        return f"1 {noun}"
    if noun.endswith("y"):
        return f"{count} {noun[:-1]}ies"
    return f"{count} {noun}es" if noun.endswith(("s", "x")) else f"{count} {noun}s"

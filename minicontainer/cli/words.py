"""Words and numbers as people write and read them: platforms, sizes, ages."""

from __future__ import annotations

import datetime

from minicontainer.step03_image.manifest import host_platform, parse_platform
from minicontainer.step03_image.spec import Platform
from minicontainer.step04_registry.reference import Reference, parse_reference

#: the units of an age, in seconds; each is used from two of it on, as docker does
_AGES = (
    ("year", 365 * 86400),
    ("month", 30 * 86400),
    ("week", 7 * 86400),
    ("day", 86400),
    ("hour", 3600),
    ("minute", 60),
    ("second", 1),
)


def parse_wanted(image: str, platform: str | None) -> tuple[Reference, Platform]:
    """What the user asks for: which image, and for which platform (this machine's by default)."""
    return parse_reference(image), parse_platform(platform) if platform else host_platform()


def size(number: int) -> str:
    """`number` bytes in decimal units, as docker shows them: 144B, 2.31MB."""
    value = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.3g}{unit}" if value < 1000 else f"{value:.0f}{unit}"


def ago(moment: str) -> str:
    """How long ago an RFC 3339 moment was, in a handy unit; empty if it can't be read."""
    try:
        then = datetime.datetime.fromisoformat(moment)
    except ValueError:
        return ""
    passed = (datetime.datetime.now(datetime.UTC) - then).total_seconds()
    for unit, length in _AGES:
        if passed >= 2 * length:
            return f"{int(passed // length)} {unit}s ago"
    return "just now"

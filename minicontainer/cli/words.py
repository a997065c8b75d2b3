"""Numbers as people read them: sizes and ages."""

from __future__ import annotations

import datetime

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

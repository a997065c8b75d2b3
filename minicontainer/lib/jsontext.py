"""JSON text to values and back, by the C half of Python's json module alone.

`import json` brings in re and enum, which costs a runtime more than reading its
files does. What is here gives the same results; strange text raises ValueError.
Spec: RFC 8259.
"""

from __future__ import annotations

from _json import encode_basestring_ascii, make_encoder, make_scanner


def loads(text: bytes) -> Any:
    """The value that the UTF-8 JSON `text` describes. Raises ValueError, RecursionError."""
    decoded = text.decode().strip(_BLANK)
    try:
        value, end = make_scanner(_Rules)(decoded, 0)  # type: ignore[arg-type]
    except (StopIteration, SystemError):
        import json  # which can say what is wrong; the C half alone can't

        return json.loads(decoded, parse_constant=_refuse)
    rest = decoded[end:].strip(_BLANK)
    if rest:
        raise ValueError(f"more follows the value: {rest[:20]!r}")
    return value


def dumps(value: object) -> str:
    """The JSON text of `value`, on one line, ASCII only."""
    encode = make_encoder(
        None, _refuse, encode_basestring_ascii, None, ": ", ", ", False, False, False
    )
    return "".join(encode(value, 0))


def _refuse(value: object) -> Any:
    raise ValueError(f"not JSON: {value!r}")


class _Rules:
    """How make_scanner is to read: names and meanings as in json.JSONDecoder."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = staticmethod(_refuse)
    memo: dict = {}  # noqa: RUF012


_BLANK = " \t\n\r"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

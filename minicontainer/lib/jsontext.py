"""JSON text to values and back, by the C half of Python's json module alone.

`import json` brings in re and enum, which costs a runtime more than reading its
files does. What is here gives the same results; strange text raises ValueError.
The C half's names are nobody's promise: it is tried once, and where it does not
do as known, the whole module takes its place. Spec: RFC 8259.
"""

from __future__ import annotations


def loads(text: bytes) -> Any:
    """The value that the UTF-8 JSON `text` describes. Raises ValueError, RecursionError."""
    decoded = text.decode().strip(_BLANK)
    if not _scan:
        return _whole_loads(decoded)
    try:
        value, end = _scan(decoded, 0)
    except (StopIteration, SystemError):
        return _whole_loads(decoded)  # which can say what is wrong; the C half alone can't
    rest = decoded[end:].strip(_BLANK)
    if rest:
        raise ValueError(f"more follows the value: {rest[:20]!r}")
    return value


def dumps(value: object) -> str:
    """The JSON text of `value`, on one line, ASCII only."""
    if _encode:
        return "".join(_encode(value, 0))
    import json

    return json.dumps(value, allow_nan=False)


def _refuse(value: object) -> Any:
    raise ValueError(f"not JSON: {value!r}")


class _Rules:
    """How make_scanner is to read: names and meanings as in json.JSONDecoder."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    array_hook = None
    parse_float = float
    parse_int = int
    parse_constant = staticmethod(_refuse)
    memo: dict = {}  # noqa: RUF012


def _c_half() -> tuple[Any, Any]:
    """The scanner and the encoder. Raises anything where this Python's are others."""
    from _json import encode_basestring_ascii, make_encoder, make_scanner

    scan = make_scanner(_Rules)  # type: ignore[arg-type]
    encode = make_encoder(
        None, _refuse, encode_basestring_ascii, None, ": ", ", ", False, False, False
    )
    text, value = '{"a": [1, 2.5, "\\u00e9", null, true]}', {"a": [1, 2.5, "é", None, True]}
    if scan(text, 0) != (value, len(text)) or "".join(encode(value, 0)) != text:
        raise ImportError("_json is not as known")
    return scan, encode


def _whole_loads(text: str) -> Any:
    import json

    return json.loads(text, parse_constant=_refuse)


_BLANK = " \t\n\r"
try:
    _scan, _encode = _c_half()
except Exception:
    _scan = _encode = None

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

"""JSON from strangers: whatever the bytes are, an object comes out, or one ImageError.

Two readers of one document must not see two things, so doubled names, NaN and
halves of surrogate pairs are refused. Members that are null are left out: they
mean the same as absent ones. Spec: RFC 8259, "Objects" and "Numbers".
"""

from __future__ import annotations

import json
from typing import Any

from minicontainer.errors import ImageError


def parse_object(content: bytes, most: int, where: str) -> dict[str, Any]:
    """The JSON object in `content`, at most `most` bytes. Raises ImageError that names `where`."""
    if len(content) > most:
        raise ImageError(f"larger than {most} bytes", where)
    try:
        document = json.loads(
            content.decode(), object_pairs_hook=_members, parse_constant=_refuse_constant
        )
        json.dumps(document, ensure_ascii=False).encode()  # no half of a surrogate pair
    except RecursionError:
        raise ImageError("nested too deeply", where) from None
    except ValueError as error:
        raise ImageError(f"not a JSON document: {str(error)[:200]}", where) from None
    if not isinstance(document, dict):
        raise ImageError("not a JSON object", where)
    return document


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("an object has two members of one name")
    return {name: value for name, value in pairs if value is not None}


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")

"""Does a parsed JSON document have the shape that the specification gives it?

In: a value from json.loads, and a shape, which is one of
- a type; or a function that raises ImageError, like those below;
- [shape]: a list of such values;
- {"name": shape, "name?": shape}: an object with these members, needed and optional.
"""

from __future__ import annotations

from typing import Any

from minicontainer.errors import ImageError
from minicontainer.step03_image.digest import split_digest

_NAMES = {str: "a string", int: "a whole number", list: "a list", dict: "an object"}
_LARGEST_SIZE = 2**63 - 1


def check(value: Any, shape: Any, where: str) -> None:
    """Raise ImageError unless `value` has the `shape`."""
    if isinstance(shape, list):
        check(value, list, where)
        for number, item in enumerate(value):
            check(item, shape[0], f"{where}[{number}]")
    elif isinstance(shape, dict):
        check(value, dict, where)
        for name, inner in shape.items():
            name, optional = name.rstrip("?"), name.endswith("?")
            if name in value:
                check(value[name], inner, f"{where}.{name}")
            elif not optional:
                raise ImageError(f"{name} is missing", where)
    elif isinstance(shape, type):
        if not isinstance(value, shape) or isinstance(value, bool):
            raise ImageError(f"expected {_NAMES[shape]}, found {str(value)[:60]!r}", where)
    else:
        shape(value, where)


def map_of_strings(value: Any, where: str) -> None:
    """An object whose members are all strings, like annotations."""
    check(value, dict, where)
    check(list(value.values()), [str], where)


def digest(value: Any, where: str) -> None:
    """A digest."""
    try:
        split_digest(value)
    except ImageError as error:
        raise ImageError(error.what, f"{where}: {error.where}".rstrip(": "), error.hint) from None


def size(value: Any, where: str) -> None:
    """A number of bytes, at most 2**63 - 1."""
    check(value, int, where)
    if not 0 <= value <= _LARGEST_SIZE:
        raise ImageError("not a size in bytes", where)


def argument(value: Any, where: str) -> None:
    """A string that can be an argument of a program, or a path."""
    check(value, str, where)
    if "\0" in value:
        raise ImageError("a NUL character, which no argument or path can hold", where)

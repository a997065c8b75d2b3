"""Does a parsed JSON document have the shape that its specification gives it?

In: a value, any JSON at all, and a shape, which is one of
- str, bool, int; a (lowest, highest) pair for a whole number; None for anything;
- [shape]: a list of such values;
- {"name": shape}: an object with such members, of which those that NEEDED lists must be
  there; others are ignored, unless {"*": shape} says what names and values are;
- a function like `text`, called as check is.
Out: nothing, or an error that names the place (`process.user.uid`).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from minicontainer.errors import MinicontainerError

#: the key of an object's shape for the names of its needed members; no JSON has this key
NEEDED = None
_NAMES = {
    str: "a string",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


def check(value: Any, shape: Any, where: str, error: type[MinicontainerError]) -> None:
    """Raise `error` unless `value`, which stands at `where`, has the `shape`."""
    if isinstance(shape, dict):
        _expect(value, dict, where, error)
        _check_members(value, shape, where, error)
    elif isinstance(shape, list):
        _expect(value, list, where, error)
        for number, entry in enumerate(value):
            check(entry, shape[0], f"{where}[{number}]", error)
    elif isinstance(shape, tuple):
        _expect(value, int, where, error)
        if not shape[0] <= value <= shape[1]:
            raise error(f"must lie in {shape[0]} … {shape[1]}", where)
    elif isinstance(shape, type):
        _expect(value, shape, where, error)
    elif shape is not None:
        shape(value, where, error)


def _check_members(value: dict, shape: dict, where: str, error: type[MinicontainerError]) -> None:
    for name in shape.get(NEEDED, ()):
        if name not in value:
            raise error(f"{name} is missing", where)
    for name, entry in value.items():
        if name not in shape:
            check(name, shape.get("*"), where, error)
        place = f"{where}.{name}" if where else name
        check(entry, shape.get(name, shape.get("*")), place, error)


def _expect(value: Any, kind: type, where: str, error: type[MinicontainerError]) -> None:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise error(f"expected {_NAMES[kind]}, found {str(value)[:60]!r}", where)


def text(value: Any, where: str, error: type[MinicontainerError]) -> None:
    """A string that can be a path, or an argument of a program."""
    _expect(value, str, where, error)
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise error("holds a NUL or half a character, which no path or argument can", where)


def shape_of(kind: Any) -> Any:
    """The shape that a type describes: a TypedDict, list[…], dict[str, …], Annotated[…, SHAPE]."""
    import typing

    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if typing.is_typeddict(kind):
        hints = typing.get_type_hints(kind, include_extras=True)
        optional = [n for n in hints if typing.get_origin(hints[n]) is typing.NotRequired]
        needed = [name for name in hints if kind.__total__ and name not in optional]
        return {NEEDED: needed, **{name: shape_of(hint) for name, hint in hints.items()}}
    if origin is typing.Annotated:
        return inner[1]
    if origin is typing.NotRequired:
        return shape_of(inner[0])
    if origin is list:
        return [shape_of(inner[0])]
    if origin is dict:
        return {"*": shape_of(inner[1])}
    return None if kind is typing.Any else kind

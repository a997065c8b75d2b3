"""What the learner's functions did: the last call, its events, and the first slip of all.

Every caller's way to such a function leads through `Calls.make`, which notes
the call in a file that is mapped into memory: a check may call in processes that
fork off it, change their root, close each descriptor and end at once, and the
grader asks when nobody is left to answer. mmap(2), MAP_SHARED.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import mmap
import secrets
from collections.abc import Callable, Iterable
from typing import Any

from . import isolation

#: errors that come of a slip in the code; what they left is no sign of a wrong idea
SLIPS = {"ArithmeticError", "AssertionError", "AttributeError", "ImportError", "LookupError",
         "NameError", "NotImplementedError", "SyntaxError", "TypeError", "ValueError"}  # fmt: skip
#: what is found where a function that should give something gave nothing
NOTHING = "None: the function ended without `return`"
#: calls of one kind that are shown in a row
_ALIKE = 8
#: bytes of each of the notes; characters of a value, an argument and a message that are shown
_ROOM = 1 << 14
_WIDTH, _ARGUMENT, _MESSAGE = 400, 60, 1500
#: types that compare as they should, and values that nothing is equal to by right
_PLAIN = (str, bytes, int, bool, type(None))
_STRANGERS = (object(), secrets.token_hex(), secrets.token_bytes(), secrets.randbits(99) / 7,
              (secrets.token_hex(),), [secrets.token_hex()], {"": secrets.token_hex()})  # fmt: skip


class Calls:
    """The three notes, in a file at `path` which is made if need be."""

    def __init__(self, path: str) -> None:
        self.path = path
        with open(path, "a+b") as file:
            file.truncate(3 * _ROOM)
            self.memory = mmap.mmap(file.fileno(), 3 * _ROOM)
        self._inside = False
        self._error: BaseException | None = None

    def forget(self) -> None:
        """Begin anew, for another check."""
        self.memory[:] = bytes(3 * _ROOM)

    @property
    def last(self) -> dict:
        """Of the last call from outside: `call`, and `gave`, or `found`, `kinds` and `where`."""
        return self._read(0)

    @property
    def slip(self) -> dict:
        """The first slip that left a function of the learner's: `found`, `kinds` and `where`."""
        return self._read(_ROOM)

    @property
    def did(self) -> list[str]:
        """Of the last call: system calls, requests and other events, as --explain tells them."""
        told = self.memory[2 * _ROOM :].rstrip(b"\0").decode(errors="replace").splitlines()
        runs = [[*run] for _, run in itertools.groupby(told, lambda line: line.partition("(")[0])]
        return [line for run in runs for line in _folded(run)]

    def hear(self, event: dict) -> None:
        """Note an event (explain.py) if it is the learner's: his function is running now."""
        text = event["text"].encode(errors="replace").replace(b"\0", b"") + b"\n"
        end = self.memory.find(b"\0", 2 * _ROOM)
        if self._inside and 0 <= end < 3 * _ROOM - len(text):
            self.memory[end : end + len(text)] = text

    def make(self, function: Callable, *arguments: Any, **named: Any) -> Any:
        """Call the learner's `function`, and note what comes of it."""
        outer, self._inside = self._inside, True
        call = {} if outer else {"call": _called(function.__name__, arguments, named)}
        try:
            if call:
                self.memory[2 * _ROOM :] = bytes(_ROOM)
            self._came(call)
            value = function(*arguments, **named)
            _insist_on_a_plain(value, function.__name__)
            self._came(call, gave=show(value))
            return value
        except BaseException as error:
            self._note(error, call)
            raise
        finally:
            self._inside = outer

    def _came(self, call: dict, **facts: Any) -> None:
        if call:
            self._write(0, **call, **facts)

    def _note(self, error: BaseException, call: dict) -> None:
        kinds, lines = kinds_of(error), isolation.learners_lines(error)
        facts = {"found": told(error), "kinds": kinds, "where": lines[-4:]}
        self._came(call, **facts)
        if slipped(kinds) and (error is self._error or not self.slip):
            self._error = error
            self._write(_ROOM, **facts)

    def _read(self, place: int) -> dict:
        with contextlib.suppress(ValueError):  # half written, or nothing at all
            return json.loads(self.memory[place : place + _ROOM].rstrip(b"\0"))
        return {}

    def _write(self, place: int, **facts: Any) -> None:
        text = json.dumps(facts).encode()[:_ROOM]
        self.memory[place : place + _ROOM] = text.ljust(_ROOM, b"\0")


def slipped(kinds: Iterable[str]) -> bool:
    """Do the names of an error's classes say that it comes of a slip?"""
    return not SLIPS.isdisjoint(kinds) and "MinicontainerError" not in kinds


def _folded(run: list[str]) -> list[str]:
    """Calls of one kind, of which many say no more than a few."""
    few = [*run[: _ALIKE - 1], f"… and {len(run) + 1 - _ALIKE} more"]
    return run if len(run) <= _ALIKE else few


def _called(name: str, arguments: tuple, named: dict[str, Any]) -> str:
    """`digest_of(b'hello') was called`."""
    given = [show(value, _ARGUMENT) for value in arguments]
    given += [f"{key}={show(value, _ARGUMENT)}" for key, value in named.items()]
    return f"{name}({', '.join(given)}) was called"


def kinds_of(error: BaseException) -> list[str]:
    """The names of its classes; of an error in another process, first those of that one."""
    return [*getattr(error, "kinds", ()), *(kind.__name__ for kind in type(error).__mro__)]


def told(error: BaseException) -> str:
    """`KeyError was raised: 'name'`."""
    kind = kinds_of(error)[0]
    if kind == "NotImplementedError":
        return "raise NotImplementedError is still there"
    message = str(error).strip()[:_MESSAGE] or "no message"
    return message if kind == "Told" else f"{kind} was raised: {message}"


def show(value: Any, width: int = _WIDTH) -> str:
    """A value as a learner would write it, shortened when long."""
    if isinstance(value, bytes | str) and len(value) > 2 * width:
        value = value[: 2 * width]  # still too long, and soon written
    text = repr(value)
    if len(text) <= width:
        return text
    return (
        f"{text[: width // 2]} … {text[-width // 4 :]}" if width > _ARGUMENT else f"{text[:width]}…"
    )


def _insist_on_a_plain(value: Any, name: str) -> None:
    """Raise TypeError for what would pass for something else, or for whatever is expected."""
    kind = type(value)
    if value.__class__ is not kind or kind.__module__.startswith(__package__):
        raise TypeError(f"{name} returned a {kind.__name__} that pretends to be something else")
    parts = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict | list | tuple | set | frozenset):
        for part in parts:
            _insist_on_a_plain(part, name)
    if kind not in _PLAIN and any(value == one for one in _STRANGERS):
        raise TypeError(f"{name} returned a {type(value).__name__} that is equal to everything")

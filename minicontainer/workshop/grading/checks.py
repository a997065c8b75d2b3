"""The words in which the checks of a lab are written.

    @check("apply_layer", points=2, rule='image-spec, layer.md, "Whiteouts": …')
    def test_whiteout(tmp_path):
        \"\"\"a whiteout removes what lower layers put there\"\"\"
        found = outcome(apply_layer, layer, tmp_path)
        expect(found, None, story="a layer holding … was applied",
               mistakes={"whiteout-left": lambda: (tmp_path / "etc/.wh.motd").exists()})

`check` marks a function, `outcome` calls the learner's function and gives what
came of it, `expect` compares, `apart` calls in a process of its own.
"""

from __future__ import annotations

import json
import os
import secrets
import select
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from . import isolation
from .calls import kinds_of, show, told

#: how much is shown of two dicts that differ
_WIDTH = 400


#: set by who runs the checks on a learner's functions
grading = False
_UNGRADED = (
    "without the workshop's plugin these checks would try the package's own functions:"
    " pytest -p minicontainer.workshop.plugin labs, or ./workshop check"
)


class Mark(NamedTuple):
    """What `@check` says about a test function."""

    exercise: str
    points: int
    rule: str
    seconds: float


def check(exercise: str, *, points: int, rule: str, seconds: float = 2.0) -> Callable:
    """Mark a function as a check of `exercise`, worth `points`.

    `rule` says what the specification asks, in our words, and begins with its
    file and heading; after `seconds` the check is stopped.
    """

    if (pytest := sys.modules.get("pytest")) and not grading:
        pytest.fail(_UNGRADED, pytrace=False)

    def mark(function: Callable) -> Callable:
        function.mark = Mark(exercise, points, rule, seconds)  # type: ignore[attr-defined]
        return function

    return mark


class Failed(Exception):
    """A check found something else than it expected; the texts are ready to show."""

    def __init__(self, story: str, expected: str, found: str, mistake: str = "") -> None:
        super().__init__(f"{story}: expected {expected}, found {found}")
        self.story, self.expected, self.found, self.mistake = story, expected, found, mistake


class Raises:
    """Stands for "an error of this kind" in `expect(found, Raises(ImageError))`."""

    def __init__(self, kind: type[BaseException] | tuple[type[BaseException], ...]) -> None:
        self.kinds = kind if isinstance(kind, tuple) else (kind,)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Raised):
            return False
        told = getattr(other.error, "kinds", ())
        return isinstance(other.error, self.kinds) or any(k.__name__ in told for k in self.kinds)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{' or '.join(kind.__name__ for kind in self.kinds)} is raised"


class Raised:
    """What `outcome` gives when the learner's function raised `error`."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    @property
    def kind(self) -> str:
        """The name of the exception's class."""
        return kinds_of(self.error)[0]

    def __repr__(self) -> str:
        return told(self.error)


class Told(Exception):
    """An error met in another process (see `apart`): its classes by name, and its errno."""

    def __init__(self, message: str, kinds: tuple[str, ...] = (), errno: int | None = None) -> None:
        super().__init__(message)
        self.kinds, self.errno = kinds, errno


def outcome(function: Callable, *arguments: Any, **named: Any) -> Any:
    """What the call returns, or `Raised` with the error it raised."""
    try:
        return function(*arguments, **named)
    except (Exception, SystemExit) as error:
        return Raised(error)


def expect(
    found: Any,
    expected: Any,
    *,
    story: str,
    mistakes: Mapping[str, bool | Callable[[], bool]] | None = None,
    shown: str = "",
) -> None:
    """Fail the check, with all a learner needs to know, unless `found == expected`.

    `story` says what was done; `mistakes` maps keys of lab.toml's misconceptions
    to what tells them: the first that holds is the one the learner hears of.
    `shown` says in words what was expected, where the value alone does not.
    """
    if expected == found:
        return
    cause = found.error if isinstance(found, Raised) else None
    key = next((key for key, holds in (mistakes or {}).items() if _holds(holds)), "")
    wanted, got = _differences(expected, found)
    raise Failed(story, shown or wanted, got, key) from cause


def _holds(condition: bool | Callable[[], bool]) -> bool:
    """Does it hold? What can't be told of such a value does not."""
    try:
        return bool(condition() if callable(condition) else condition)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return False


def _differences(expected: Any, found: Any) -> tuple[str, str]:
    """Both as text; of two dicts, only where they differ."""
    if not (isinstance(expected, dict) and isinstance(found, dict)):
        return show(expected), show(found)
    keys = [k for k in {**expected, **found} if expected.get(k, ...) != found.get(k, ...)]
    sides = ["\n".join(f"{key}: {_entry(side, key)}" for key in keys) for side in (expected, found)]
    return sides[0][:_WIDTH], sides[1][:_WIDTH]


def _entry(side: dict, key: Any) -> str:
    return show(side[key]) if key in side else "nothing"


def apart(function: Callable[[], Any]) -> Any:
    """Call `function` in a process of its own; give what it returned, through JSON.

    For code that changes its process: namespaces, root directory, exec. Gives
    `Raised` when it raised, also when the process ended without an answer.
    There is no thread in that process: its clock is here.
    """
    reading, writing = os.pipe()
    secret = secrets.token_bytes(8).hex().encode()  # what begins otherwise is no answer of ours
    pid = isolation.fork()
    if pid == 0:
        os.close(reading)
        _answer(function, writing, secret)
    os.close(writing)
    try:
        said = _line_of(reading, secret)
    except isolation.TookTooLong:
        isolation.stop(pid)
        raise
    finally:
        os.close(reading)
    _, status = os.waitpid(pid, 0)
    if not said:
        return Raised(Told(isolation.ended(os.waitstatus_to_exitcode(status))))
    answer = json.loads(said)
    if "value" in answer:
        return answer["value"]
    message, kinds, number = answer["raised"]
    return Raised(Told(message, tuple(kinds), number))


def _line_of(reading: int, secret: bytes) -> bytes:
    """What follows `secret` on its line; nothing if the pipe ends. Raises TookTooLong."""
    said = b""
    while select.select([reading], [], [], isolation.left(0.8))[0]:
        piece = os.read(reading, 1 << 16)
        said += piece
        _, ours, answer = said.partition(secret)
        if (ours and answer.endswith(b"\n")) or not piece:
            return answer
    raise isolation.TookTooLong("it did not end")


def _answer(function: Callable[[], Any], writing: int, secret: bytes) -> None:
    """In the child of `apart`: say what came of it and end, whatever happens."""
    try:
        try:
            said: dict = {"value": function()}
        except BaseException as error:
            said = {"raised": [str(error), kinds_of(error), getattr(error, "errno", None)]}
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(secret + json.dumps(said, default=str).encode() + b"\n")
    finally:
        os._exit(0)

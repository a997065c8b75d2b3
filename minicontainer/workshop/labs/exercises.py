"""An exercise is a whole public function of a step, cut out of its module.

In: the module's source, never imported here. Out: the function's signature and
docstring, its body, the stub that a learner starts from, and the imports
which the body needs. Cut by the line spans of `ast`, so comments survive.
"""

from __future__ import annotations

import ast
import builtins
import importlib.util
import re
import textwrap
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from .lab import Exercise, LabError


class Cut(NamedTuple):
    """A function's source in two pieces; `head` ends with the docstring."""

    head: str
    body: str

    @property
    def lines(self) -> int:
        """How many lines of code the body has, without blank ones and comments."""
        stripped = (line.strip() for line in self.body.splitlines())
        return sum(1 for line in stripped if line and not line.startswith("#"))


@lru_cache
def module_source(module: str) -> str:
    """The source text of `module`, found as an import would find it."""
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        spec = None
    if spec is None or not spec.origin:
        raise LabError("there is no such module", module)
    return Path(spec.origin).read_text("utf-8")


def cut(exercise: Exercise) -> Cut:
    """The pieces of the exercise's reference function."""
    source = module_source(exercise.module)
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == exercise.name:
            return _pieces(source.splitlines(), node)
    raise LabError(f"no function {exercise.name!r} at the top of the module", exercise.module)


def _pieces(lines: list[str], node: ast.FunctionDef) -> Cut:
    if ast.get_docstring(node) is None:
        raise LabError("an exercise needs a docstring", node.name)
    end = node.body[0].end_lineno or 0
    return Cut("\n".join(lines[node.lineno - 1 : end]), "\n".join(lines[end : node.end_lineno]))


def title_line(exercise: Exercise) -> str:
    """The comment that names the exercise for people; nothing depends on it."""
    return f"# Exercise {exercise.number} · {exercise.name}"


def stub(exercise: Exercise) -> str:
    """The cell that a learner starts from."""
    pieces = cut(exercise)
    size = f"    # about {pieces.lines} line{'s' if pieces.lines > 1 else ''}"
    lines = (title_line(exercise), pieces.head, size, "    raise NotImplementedError")
    return "\n".join(lines)


def solution(exercise: Exercise) -> str:
    """The reference function, as a cell."""
    pieces = cut(exercise)
    return f"{title_line(exercise)}\n{pieces.head}\n{pieces.body}"


def undescribed(source: str) -> str:
    """A function's source without its docstring; what is no function stays as it is."""
    try:
        node = ast.parse(source).body[0]
    except SyntaxError:
        return source
    lines = source.splitlines()
    if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
        del lines[node.body[0].lineno - 1 : node.body[0].end_lineno]
    return "\n".join(lines[node.lineno - 1 :])


def imports(exercises: list[Exercise]) -> str:
    """The import lines for every name that the reference bodies use, or their docstrings name."""
    own = {exercise.name for exercise in exercises}
    origins = sorted({origin for exercise in exercises for origin in _origins(exercise, own)})
    lines = [
        _import_line(place, [name for _, name in named])
        for place, named in groupby(origins, key=itemgetter(0))
        if place != "__future__"
    ]
    ours = [line for line in lines if line.startswith("from minicontainer")]
    return "\n".join([*(line for line in lines if line not in ours), "", *ours])


def _origins(exercise: Exercise, own: set[str]) -> Iterator[tuple[str, str]]:
    """Whence the exercise's function has each name but `own`: a module ("" for `import X`), and X.

    A name that is made in the function's own module is to be imported from there.
    """
    tree = ast.parse(module_source(exercise.module))
    function = next(n for n in tree.body if getattr(n, "name", "") == exercise.name)
    used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    used |= set(re.findall(r"\b[A-Z]+(?:[a-z]+[A-Z]|_)\w+", ast.get_docstring(function) or ""))  # type: ignore[arg-type]
    package = exercise.module.rpartition(".")[0]
    for node in _module_level(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            given = {(alias.asname or alias.name).split(".")[0]: alias for alias in node.names}
            place = "." * getattr(node, "level", 0) + (getattr(node, "module", "") or "")
            place = place and importlib.util.resolve_name(place, package)
            yield from ((place, ast.unparse(given[name])) for name in used & set(given) - own)
        else:
            made = used & _defined(node) - own - set(dir(builtins))
            yield from ((exercise.module, name) for name in made)


def _module_level(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements of a module, with those under `if` and `try` (TYPE_CHECKING, guards)."""
    for node in tree.body:
        yield from node.body if isinstance(node, ast.If | ast.Try) else [node]


def _defined(node: ast.stmt) -> set[str]:
    """The names that a statement at the top of a module gives to things."""
    targets = [*getattr(node, "targets", ()), getattr(node, "target", None)]
    return {getattr(node, "name", ""), *(getattr(target, "id", "") for target in targets)}


def _import_line(place: str, names: list[str]) -> str:
    """`from PLACE import NAMES` in lines of at most 100 characters; a line a name for `import`."""
    if not place:
        return "\n".join(f"import {name}" for name in names)
    line = f"from {place} import {', '.join(names)}"
    if len(line) <= 100:
        return line
    inside = textwrap.fill(", ".join(names) + ",", 96, break_on_hyphens=False)
    return f"from {place} import (\n{textwrap.indent(inside, '    ')}\n)"

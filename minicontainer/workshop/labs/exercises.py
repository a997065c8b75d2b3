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
from functools import lru_cache
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
    lines: set[str] = set()
    for exercise in exercises:
        lines |= _imports_of(exercise, own)
    plain = sorted(line for line in lines if line.startswith("import "))
    merged = _merged(lines - set(plain))
    own_lines = [line for line in merged if line.startswith("from minicontainer")]
    foreign = [line for line in merged if line not in own_lines]
    return "\n".join([*plain, *foreign, "", *own_lines])


def _imports_of(exercise: Exercise, own: set[str]) -> set[str]:
    """One line for each name of the module that the exercise's function uses."""
    tree = ast.parse(module_source(exercise.module))
    function = next(n for n in tree.body if getattr(n, "name", "") == exercise.name)
    used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    used |= set(re.findall(r"\b[A-Z]+(?:[a-z]+[A-Z]|_)\w+", ast.get_docstring(function) or ""))  # type: ignore[arg-type]
    lines = set()
    for node in _module_level(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            origin = _origin(node, exercise.module)
            names = {(alias.asname or alias.name).split(".")[0]: alias for alias in node.names}
            lines |= {f"{origin}import {ast.unparse(names[n])}" for n in used & set(names) - own}
        else:
            defined = used & _defined(node) - own - set(dir(builtins))
            lines |= {f"from {exercise.module} import {name}" for name in defined}
    return lines


def _module_level(tree: ast.Module):
    """The statements of a module, with those under `if` and `try` (TYPE_CHECKING, guards)."""
    for node in tree.body:
        if isinstance(node, ast.If | ast.Try):
            yield from node.body
        else:
            yield node


def _origin(node: ast.Import | ast.ImportFrom, module: str) -> str:
    """`from PLACE ` with a relative place made absolute, or nothing for `import X`."""
    if isinstance(node, ast.Import):
        return ""
    if not node.level:
        return f"from {node.module} "
    package = module.rsplit(".", node.level)[0]
    return f"from {package}.{node.module} " if node.module else f"from {package} "


def _defined(node: ast.stmt) -> set[str]:
    """The names that a statement at the top of a module gives to things."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return {node.target.id}
    return set()


def _merged(lines: set[str]) -> list[str]:
    """`from a import x` and `from a import y` as one line, sorted."""
    places: dict[str, list[str]] = {}
    for line in lines:
        place, _, name = line.partition(" import ")
        places.setdefault(place, []).append(name)
    places.pop("from __future__", None)
    return [_wrapped(place, sorted(names)) for place, names in sorted(places.items())]


def _wrapped(place: str, names: list[str]) -> str:
    """One import statement, in lines of at most 100 characters."""
    line = f"{place} import {', '.join(names)}"
    if len(line) <= 100:
        return line
    inside = textwrap.fill(", ".join(names) + ",", 96, break_on_hyphens=False)
    return f"{place} import (\n{textwrap.indent(inside, '    ')}\n)"

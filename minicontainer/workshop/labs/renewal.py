"""A learner's notebook renewed: the text of today's edition, and all that is the learner's.

What is ours is known by lab.editions: a hash for each cell and each statement that a notebook of
any edition has held, as ucf(1) knows the files that it may replace. What no edition held is the
learner's: it stays as it is and where it is.
"""

from __future__ import annotations

import re
from collections import Counter
from difflib import SequenceMatcher
from hashlib import sha256
from itertools import pairwise
from typing import Any

from .cells import Cell as Source
from .cells import mended, parse, statements
from .former import brought
from .lab import Lab
from .notebook_answers import renamed
from .notebook_files import source

Cell = dict[str, Any]
_FUNCTION = re.compile(r"^(?:async )?def (\w+)", re.MULTILINE)


def pieces(text: str) -> list[str]:
    """The lines of a cell, cut before and after each statement; "\\n".join gives it back."""
    tree, lines = parse(text), text.split("\n")
    if isinstance(tree, SyntaxError):
        return re.split(r"\n(?=[@#%!\w])", text)
    cuts = {0, len(lines)}
    for node in tree.body:
        marks = [mark.lineno for mark in getattr(node, "decorator_list", [])]
        cuts |= {min([node.lineno, *marks]) - 1, node.end_lineno or 0}
    return ["\n".join(lines[a:b]) for a, b in pairwise(sorted(cuts))]


def _uses(piece: str) -> set[str]:
    """The names that code uses."""
    found = statements(Source("", piece))
    return set() if isinstance(found, SyntaxError) else set().union(*(one.uses for one in found))


def _hash(kind: str, text: str) -> str:
    return sha256(f"{kind}{text.strip()}".encode("utf-8", "replace")).hexdigest()[:12]


def hashes(cells: list[Cell]) -> set[str]:
    """What an edition is known by."""
    code = [source(cell) for cell in cells if cell["cell_type"] == "code"]
    known = {_hash("piece", piece) for text in code for piece in pieces(text)}
    return known | {_hash("cell", source(cell)) for cell in cells} | {cell["id"] for cell in cells}


def remember(lab: Lab, cells: list[Cell]) -> None:
    """Add an edition to those that are known."""
    known = sorted(_editions(lab) | hashes(cells))
    (lab.directory / "lab.editions").write_text("\n".join(known) + "\n", "ascii")


def _editions(lab: Lab) -> set[str]:
    file = lab.directory / "lab.editions"
    return set(file.read_text("ascii").split()) if file.exists() else set()


class Renewal:
    """Today's notebook of a lab; `remarks` is what a learner must be told."""

    def __init__(self, lab: Lab, fresh: list[Cell]) -> None:
        self.lab, self.fresh = lab, fresh
        self.remarks: list[str] = []
        self.uses: set[str] = set()  # names that the learner's code uses
        self.known = _editions(lab) | hashes(fresh)
        self.cells = {name: cell for cell in fresh for name in self._exercises(cell)}
        plain = [cell for cell in fresh if not self._role(cell)]
        self.keys = {text: c["id"] for c in plain for text in (source(c).strip(), c["id"])}

    def merged(self, mine: list[Cell]) -> list[Cell]:
        """Today's cells with the learner's among them, each in its order."""
        old, new = [self._key(cell) for cell in mine], [self._key(cell) for cell in self.fresh]
        more = Counter(map(source, mine)) - Counter(map(source, self.fresh))
        copied = set(map(source, self.fresh)) & set(more)
        own = [cell for cell in mine if self._own(cell) or source(cell) in copied]
        written = {name for cell in own for name in self._exercises(cell)}
        self.uses = set().union(*(_uses(p) for cell in own for p in self._own(cell)))
        made: list[Cell] = []
        for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if kind == "equal":
                for was, now in zip(mine[a:b], self.fresh[c:d], strict=True):
                    made += self._both(was, now)
                continue
            made += [cell for cell in self.fresh[c:d] if not written & set(self._exercises(cell))]
            for cell in (cell for cell in mine[a:b] if cell in own):
                if cell.get("id") in self.known:
                    first = source(cell).strip().partition("\n")[0]
                    self.remarks.append(f"what you changed is another today; yours stays: {first}")
                made.append(self._renewed(cell))
        return made

    def _own(self, cell: Cell) -> list[str]:
        """The pieces of a cell that are the learner's: all, unless its place is known."""
        text = source(cell)
        if {_hash("cell", text), _hash("cell", renamed(text, self.lab.formerly))} & self.known:
            return []
        return [p for p in pieces(text) if not (self._role(cell) and self._is_ours(p))]

    def _is_ours(self, piece: str) -> bool:
        return not piece.strip() or _hash("piece", piece) in self.known

    def _exercises(self, cell: Cell) -> list[str]:
        """The exercises that a cell holds, by today's names."""
        found = _FUNCTION.findall(source(cell)) if cell["cell_type"] == "code" else []
        return [name for n in found if (name := self.lab.formerly.get(n, n)) in self.lab.names]

    def _role(self, cell: Cell) -> str:
        """What a cell is known by, whoever wrote it: the first one, or that of an exercise."""
        if cell["cell_type"] == "code" and "workshop.notebook import begin" in source(cell):
            return "setup"
        return next(iter(self._exercises(cell)), "")

    def _key(self, cell: Cell) -> object:
        by_id = self.keys.get(str(cell.get("id")), id(cell))
        return self._role(cell) or self.keys.get(source(cell).strip(), by_id)

    def _both(self, was: Cell, now: Cell) -> list[Cell]:
        """What stands where both notebooks have a cell."""
        own = self._own(was)
        used = self._used(was, now)
        if source(now).strip() == source(was).strip():
            return [was]
        if not own and not used:
            return [now]
        ours = {piece.strip() for piece in pieces(source(was)) if piece not in own}
        today = {piece.strip() for piece in pieces(source(now))}
        if self._role(now) != "setup" or ours | {""} == today | {""}:
            return [{**self._renewed(was), **({"id": now["id"]} if "id" in was else {})}]
        told = "what you added to the first cell is in a cell below it now, and what you use of it"
        self.remarks.append(told)
        return [now, {"cell_type": "code", "source": "\n".join([*used, *own])}]

    def _used(self, was: Cell, now: Cell) -> list[str]:
        """Import lines that the first cell has no longer, for names that the learner uses."""
        if self._role(now) != "setup":
            return []
        there = {*brought(source(now)), *brought("\n".join(self._own(was))), *self.lab.names}
        once = brought(renamed(source(was), self.lab.formerly)).items()
        return [line for name, line in once if name in self.uses - there]

    def _renewed(self, cell: Cell) -> Cell:
        """A learner's cell, in which stubs and names are today's."""
        if cell["cell_type"] != "code":
            return cell
        names = [(p, self._exercises({**cell, "source": p})) for p in pieces(source(cell))]
        made = [self._stub(names[0]) if names and self._is_ours(p) else p for p, names in names]
        return _with(cell, renamed("\n".join(made), self.lab.formerly))

    def _stub(self, name: str) -> str:
        """The function alone."""
        found = pieces(source(self.cells[name]))
        return next(piece for piece in found if name in _FUNCTION.findall(piece))

    def mended(self, mine: list[Cell]) -> list[Cell]:
        """The cells without the characters that nobody sees and Python refuses."""
        return [_with(c, mended(source(c))) if c["cell_type"] == "code" else c for c in mine]

    def put_back(self, mine: list[Cell], name: str) -> list[Cell]:
        """The cells with the stub of `name` once, at the place of its last definition.

        If there is none, after the cell that comes before the stub today.
        """
        made: list[Cell] = []
        stubs = [self._stub(name)]
        for cell in reversed(mine):
            there = bool(stubs)
            kept: list[str] = []
            for piece in reversed(pieces(source(cell))):
                is_it = name in self._exercises({**cell, "source": piece})
                kept += stubs[:1] if is_it else [piece]
                stubs = [] if is_it else stubs
            if name not in self._exercises(cell) or not all(map(self._is_ours, kept)):
                made.append(_with(cell, "\n".join(reversed(kept))))
            elif there:
                made.append(_with(cell, source(self.cells[name])))
        if stubs:
            before = [self._key(c) for c in self.fresh[: self.fresh.index(self.cells[name])]]
            at = next((n for n, cell in enumerate(made) if self._key(cell) in before), 0)
            made.insert(at, self.cells[name])
        return made[::-1]


def _with(cell: Cell, text: str) -> Cell:
    return cell if text == source(cell) else {**cell, "source": text.splitlines(keepends=True)}

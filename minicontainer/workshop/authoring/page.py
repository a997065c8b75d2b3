"""lab.md, the page of a lab: prose, and lines that say what stands where.

    # Title, ## Section     begin a new cell; prose is Markdown
    {setup}                 the cell with the imports, to be run first
    {exercise} NAME         the stub of the function, and below it check(NAME)
    {picture} EXPRESSION    a picture, drawn when the notebook is generated
    {transcript} EXPRESSION the text that the expression gives, as a block
    ```python               a code cell (a block of any other language stays prose)

Expressions see the lab's scenes (labs/NN/scenes.py). In: text. Out: a list of blocks.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from minicontainer.workshop.labs.lab import LabError

_DIRECTIVE = re.compile(r"\{(setup|exercise|picture|transcript)\}\s*(.*)")


class Block(NamedTuple):
    """A piece of the page; kind: prose, code, setup, exercise, picture, transcript."""

    kind: str
    text: str


def parse(text: str, file: str) -> list[Block]:
    """The blocks of a page, in order. Raises LabError for a fence that is left open."""
    blocks: list[Block] = []
    lines = iter(text.splitlines())
    for line in lines:
        directive = _DIRECTIVE.fullmatch(line.strip())
        if directive:
            blocks.append(Block(directive[1], directive[2].strip()))
        elif line.startswith("```"):
            inside = _fenced(lines, line, file)
            if line.strip() == "```python":
                blocks.append(Block("code", "\n".join(inside)))
            else:
                _add_prose(blocks, "\n".join([line, *inside, "```"]), False)
        else:
            _add_prose(blocks, line, line.startswith("#"))
    trimmed = [Block(kind, content.strip("\n")) for kind, content in blocks]
    return [block for block in trimmed if block.text or block.kind == "setup"]


def _fenced(lines, opening: str, file: str) -> list[str]:
    inside: list[str] = []
    for line in lines:
        if line.startswith("```"):
            return inside
        inside.append(line)
    raise LabError(f"the block that begins with {opening!r} has no end", file)


def _add_prose(blocks: list[Block], text: str, new: bool) -> None:
    """Continue the prose that stands last, or begin a `new` piece."""
    if blocks and blocks[-1].kind == "prose" and not new:
        blocks[-1] = Block("prose", f"{blocks[-1].text}\n{text}")
    else:
        blocks.append(Block("prose", text))

"""The way of `docker run` in one picture, which README, labs and slides share.

A name becomes a process in three steps, each with a specification of its own:
pull (distribution-spec), unpack (image-spec), run (runtime-spec).
`python -m minicontainer.pictures.way FILE` writes it for the README.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

from .drawing import COLOURS, GREY, Picture, Sketch


class Thing(NamedTuple):
    """What the way passes through: its name, an example, the steps about it."""

    name: str
    example: str
    steps: set[int]


class Part(NamedTuple):
    """One of the three steps of `docker run`."""

    title: str
    specification: str
    kind: str
    things: tuple[Thing, ...]


PULL = (
    Thing("reference", "nginx:1.25", {4}),
    Thing("token", "may pull?", {4, 5}),
    Thing("descriptor", "sha256:9f…", {4}),
    Thing("verified blob", "size, digest", {4}),
)
UNPACK = (
    Thing("layer", "tar+gzip", {3}),
    Thing("root filesystem", "/bin /etc /usr", {1, 3}),
    Thing("bundle", "config.json", {3}),
)
RUN = (Thing("process", "in namespaces", {1, 2}),)
PARTS = (
    Part("1  pull", "distribution-spec", "manifest", PULL),
    Part("2  unpack", "image-spec", "layer", UNPACK),
    Part("3  run", "runtime-spec", "process", RUN),
)
#: what the workshop's numbered steps are about.
STEPS = {
    1: "step 01: a process in a root filesystem",
    2: "step 02: from a bundle to a process",
    3: "step 03: from layers to a bundle",
    4: "step 04: from a name to verified blobs",
    5: "step 05: who may pull",
    6: "step 06: the whole way",
}


def way(step: int | None = None) -> Picture:
    """The three steps of `docker run`, with what `step` (1 to 6) is about lit; all, if None."""
    lit = {step} if step in STEPS and step != 6 else set(STEPS)
    caption = [STEPS[step]] if step in STEPS else []
    sketch = Sketch(caption, ranksep=".2", nodesep=".1", labelloc="b", fontsize="11")
    before = ""
    for part in PARTS:
        names = _draw_part(sketch, part, lit)
        for name in names:
            if before:
                sketch.edge(before, name, penwidth="1.4")
            before = name
    return sketch.picture(_in_words(step))


def _draw_part(sketch: Sketch, part: Part, lit: set[int]) -> list[str]:
    on = any(thing.steps & lit for thing in part.things)
    fill, line = COLOURS[part.kind]
    frame = {"color": line, "penwidth": "1.6", "fontcolor": line} if on else {"fontcolor": GREY}
    frame |= {"style": "rounded,filled", "fillcolor": fill if on else "#f6f8fa", "fontsize": "12"}
    with sketch.cluster([part.title, part.specification], **frame):
        return [_draw_thing(sketch, part.kind, thing, lit) for thing in part.things]


def _draw_thing(sketch: Sketch, kind: str, thing: Thing, lit: set[int]) -> str:
    lines = [thing.name, thing.example]
    if not thing.steps & lit:
        return sketch.node("quiet", lines, fontcolor=GREY)
    _, line = COLOURS[kind]
    return sketch.node(kind, lines, fillcolor="#ffffff", color=line, penwidth="1.6")


def _in_words(step: int | None) -> str:
    parts = "; ".join(
        f"{part.title.split()[1]} ({part.specification}): "
        + " -> ".join(thing.name for thing in part.things)
        for part in PARTS
    )
    lit = f" Lit: {STEPS[step]}." if step in STEPS else ""
    return f"The way of docker run in three steps. {parts}.{lit}"


if __name__ == "__main__":
    way().save(sys.argv[1])

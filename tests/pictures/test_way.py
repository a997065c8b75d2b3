"""The way of `docker run`: lit where the step is, and the README's copy is not stale."""

from pathlib import Path

import pytest

from minicontainer.pictures.way import STEPS, way

from .svg_checks import boxes, kinds, parsed

COMMITTED = Path(__file__).parents[2] / "docs" / "way.svg"


@pytest.mark.parametrize("step", [None, *STEPS])
def test_what_is_lit(each_graphviz, step):
    lit = {None: 8, 1: 2, 2: 1, 3: 3, 4: 4, 5: 1, 6: 8}[step]
    svg = way(step).svg()
    assert len(boxes(svg)) == 8
    assert kinds(svg).count("quiet") == 8 - lit


def test_alt_says_what_is_lit():
    assert "step 03" in way(3).alt
    assert "distribution-spec" in way().alt
    assert "step" not in way().alt.replace("three steps", "")


def test_the_committed_picture_is_the_present_one():
    """Compared by what it shows, since each Graphviz places it a little differently."""
    hint = "python -m minicontainer.pictures.way docs/way.svg"
    now, committed = way().svg(), COMMITTED.read_text()
    assert boxes(committed) == boxes(now), hint
    assert looks(committed) == looks(now), hint


def looks(svg: str) -> list[tuple]:
    return sorted(
        (element.tag, element.get("fill") or "", element.get("stroke") or "", element.text or "")
        for element in parsed(svg).iter()
        if element.get("fill")
    )


def test_it_fits_a_page():
    width = float(parsed(way().svg()).get("width").removesuffix("pt"))
    assert width < 900

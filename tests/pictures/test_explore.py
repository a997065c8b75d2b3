"""The explorer: every box opens what stands behind it, in a real browser, without a kernel."""

import base64
import html
import re
import shutil

import pytest

from minicontainer.pictures.explore import explore, pretty
from minicontainer.pictures.files import list_files
from tests.programs import needs

from .layouts import Layout


@pytest.fixture
def page(two_tags):
    return explore(two_tags.path)


def drawing(page) -> str:
    source = re.search('src="data:image/svg.xml;base64,([^"]+)"', page.html)
    return base64.b64decode(source[1]).decode()


def panels(text: str) -> dict[str, str]:
    return dict(re.findall(r'<section data-panel="([^"]+)" hidden>(.*?)</section>', text, re.S))


def test_every_box_has_its_panel(page):
    opened = set(re.findall(r'<g [^>]*data-open="([^"]+)"', drawing(page)))
    assert len(opened) == 2 + 2 + 2 + 2 + 2 + 2, "indexes, manifests, attestations, configs, layers"
    assert opened <= set(panels(page.html))


def test_digests_link_to_their_boxes(page, two_tags):
    index = panels(page.html)[two_tags.tags[0]["digest"]]
    links = re.findall(r'role="button" tabindex="0" data-open="(sha256:\w{64})"', index)
    assert len(links) >= 2
    assert set(links) <= set(panels(page.html))


def test_configs_and_file_lists(page):
    text = " ".join(panels(page.html).values())
    assert "&quot;Cmd&quot;" in text
    assert "srv/index.html" in text


def test_folded_boxes_open_a_list(thirty_platforms):
    found = explore(thirty_platforms.path)
    lists = {key: body for key, body in panels(found.html).items() if key.startswith("list-")}
    assert sorted(body.count("data-open") for body in lists.values()) == [29, 30]


def test_no_links_that_jupyterlab_trips_over(page):
    for text in (page.html, drawing(page)):
        assert "<a " not in text
        assert "href=" not in text
        assert "http" not in re.sub(r"http://www.w3.org/\d+/(svg|xlink)", "", text)


def test_hostile_json_and_names_stay_text(tmp_path):
    layout = Layout(tmp_path / "hostile")
    evil = "</pre></section><script>alert(1)</script>"
    layer = layout.layer({f"a{evil}": b"x", "\x1b[2J": b"y"})
    manifest = layout.manifest([layer], architecture=evil)
    layout.tag("docker.io/workshop/evil:1", {**manifest, "annotations": {"x": evil}})
    text = explore(layout.path).html
    assert text.count("<script") == text.count("</script>") == 3, "ours"
    assert "alert(1)" in text
    assert "\x1b" not in text


def test_pretty_keeps_what_is_no_json_and_bounds_what_is_long():
    assert pretty(b"\xff<not json") == "\ufffd<not json"
    assert pretty(b"[" * 100_000).endswith("… and more")
    assert pretty(b'{"a": [1]}') == '{\n  "a": [\n    1\n  ]\n}'


def test_whiteouts_are_explained(tmp_path):
    layout = Layout(tmp_path / "w")
    layer = layout.layer({"etc/.wh.motd": b"", "var/.wh..wh..opq": b""})
    text = list_files(layout.path / "blobs" / layer["digest"].replace(":", "/"))
    assert "deletes motd" in text
    assert "hides all" in text


def test_long_and_broken_layers(tmp_path):
    layout = Layout(tmp_path / "l")
    layer = layout.layer({f"file{number}": b"" for number in range(1000)})
    path = layout.path / "blobs" / layer["digest"].replace(":", "/")
    assert list_files(path).count("\n") == 400
    assert list_files(path).endswith("… and more")
    path.write_bytes(path.read_bytes()[:100])
    assert "can't be read further" in list_files(path)


FOREIGN = """<div class="mc-picture"><img alt="foreign" src="data:image/svg+xml;base64,%s"></div>"""
SCRIPT = b'<svg xmlns="http://www.w3.org/2000/svg" onload="document.title=1"><script/></svg>'


@needs("chromium")
def test_another_notebooks_picture_is_left_alone(page, tmp_path):
    """Its image may hold scripts, which an image never runs; inline they would."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = page.save(tmp_path / "explore.html")
    path.write_text(FOREIGN % base64.b64encode(SCRIPT).decode() + path.read_text())
    with playwright.sync_playwright() as driver:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        try:
            tab = browser.new_page()
            tab.goto(path.as_uri())
            assert tab.locator("img[alt=foreign]").count() == 1
            assert tab.locator(".mc-picture > svg").count() == 1, "ours is inline"
        finally:
            browser.close()


@needs("chromium")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_clicks_and_keys_in_a_real_browser(page, tmp_path, two_tags, scheme):
    playwright = pytest.importorskip("playwright.sync_api")
    path = page.save(tmp_path / "explore.html")
    manifest = next(k for k, v in panels(page.html).items() if "<b>manifest" in v)
    with playwright.sync_playwright() as driver:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        try:
            tab = browser.new_page(color_scheme=scheme)
            problems: list[str] = []
            tab.on("pageerror", lambda error: problems.append(str(error)))
            tab.goto(path.as_uri())
            shown = tab.locator("section[data-panel]:visible")
            assert shown.count() == 0
            tab.click(f'g[data-open="{manifest}"]')
            assert "application/vnd.oci.image.manifest.v1+json" in shown.inner_text()
            assert shown.count() == 1
            target = shown.locator("[data-open]").nth(1).get_attribute("data-open")
            shown.locator("[data-open]").nth(1).click()
            assert html.unescape(target) in shown.inner_text(), "a digest leads to its panel"
            assert tab.get_attribute(f'g[data-open="{target}"]', "aria-pressed") == "true"
            tab.focus("g[data-open]")
            tab.keyboard.press("Enter")
            assert "index" in shown.inner_text()
            tab.emulate_media(media="print")
            ink = "getComputedStyle(document.querySelector('.frame > text')).fill"
            assert tab.evaluate(ink) == "rgb(110, 119, 129)", "grey on paper, whatever the theme"
            assert problems == []
        finally:
            browser.close()

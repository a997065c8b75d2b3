"""The decks: both languages in step, notes with minutes on every slide, nothing too wide."""

import re
from pathlib import Path

import pytest

from slides.deck import (
    LANGUAGES,
    SLIDES,
    SlidesError,
    commands_of,
    out_of_step,
    read_deck,
    read_decks,
    split_slides,
)
from slides.make import compare

#: class of a slide -> columns of code that fit on it (theme.css)
COLUMNS = {"large": 64, "": 74, "small": 88}


@pytest.fixture(scope="module", params=LANGUAGES)
def decks(request):
    return read_decks(request.param)


def test_both_languages_are_in_step():
    compare({language: read_decks(language) for language in LANGUAGES})


def test_there_is_a_deck_a_step_with_an_opening_and_a_closing(decks):
    numbers = [deck.path.name.partition("-")[0] for deck in decks]
    assert numbers == [f"{number:02}" for number in range(8)]
    assert all(8 <= len(deck.slides) <= 12 for deck in decks)


def test_the_talk_takes_about_ninety_minutes(decks):
    assert 80 <= sum(slide.minutes for deck in decks for slide in deck.slides) <= 100


def test_every_slide_has_a_title_and_notes(decks):
    for slide in (slide for deck in decks for slide in deck.slides):
        assert re.match(r"##? \S", slide.text), slide.text
        assert len(slide.notes) > 10, slide.text


def test_every_picture_exists_and_has_an_alternative_text(decks):
    for deck in decks:
        for alt, path in (picture for slide in deck.slides for picture in slide.pictures):
            assert (deck.path.parent / path).is_file(), path
            assert len(alt) > 10, path


def test_code_is_not_wider_than_the_slide(decks):
    for slide in (slide for deck in decks for slide in deck.slides):
        size = next((name for name in slide.look.split() if name in COLUMNS), "")
        for block in re.findall(r"```\w+\n(.*?)```", slide.text, re.DOTALL):
            wide = [line for line in block.splitlines() if len(line) > COLUMNS[size]]
            assert not wide, f"{slide.text[:40]}: {wide}"


def test_korean_is_korean():
    for deck in read_decks("ko"):
        assert deck.settings["lang"] == "ko"
        for slide in deck.slides:
            assert re.search("[가-힣]", slide.notes), slide.text


def test_no_remote_address_in_any_file():
    files = [path for path in SLIDES.rglob("*") if path.suffix in (".md", ".css", ".svg")]
    for path in files:
        if "build" in path.parts:
            continue
        text = re.sub(r'xmlns(:\w+)?="[^"]*"', "", path.read_text(encoding="utf-8"))
        found = [it for it in re.findall(r"https?://\S+", text) if "127.0.0.1" not in it]
        assert not [it for it in found if not it.startswith(("http://$", "https://$"))], path


HEAD = "---\nmarp: true\nlang: en\n---\n"
NOTES = "<!-- 1 min: say something -->\n"


def deck_of(directory: Path, text: str):
    path = directory / "deck.md"
    path.write_text(HEAD + text, encoding="utf-8")
    return read_deck(path)


def test_a_slide_without_minutes_is_refused(tmp_path):
    with pytest.raises(SlidesError, match="no notes that start with minutes"):
        deck_of(tmp_path, f"# one\n{NOTES}\n---\n# two\n<!-- say something -->\n")


def test_lines_in_a_fence_do_not_end_a_slide():
    assert len(split_slides("# a\n```text\n---\n```\n---\n# b\n")) == 2


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (f"# a\n{NOTES}---\n# b\n{NOTES}", "1 and 2 slides"),
        (f"# a\n![other](x.svg)\n{NOTES}", "pictures"),
        (f"# a\n```console\n$ ls\n```\n{NOTES}", "commands"),
        ("# a\n<!-- 2 min: longer -->\n", "minutes"),
        (f"<!-- _class: demo -->\n# a\n{NOTES}", "look"),
    ],
)
def test_what_is_out_of_step_is_named(tmp_path, other, named):
    one = deck_of(tmp_path, f"# a\n{NOTES}")
    assert not out_of_step(one, deck_of(tmp_path, f"# 가\n{NOTES}"))
    assert named in out_of_step(one, deck_of(tmp_path, other))


def test_commands_and_their_output():
    found = commands_of("$ one |\n> two\nout\n> not a command\n$ three\n")
    assert found == [("one |\ntwo", "out\n> not a command"), ("three", "")]

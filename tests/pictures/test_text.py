"""Foreign text becomes harmless, sizes and digests short."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicontainer.pictures import text


@given(st.text(max_size=300))
def test_readable_is_one_short_line_without_control_characters(anything):
    shown = text.readable(anything, 40)
    assert len(shown) <= 40
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in shown)


@given(st.lists(st.text(max_size=60), min_size=1, max_size=4))
def test_label_ends_every_line_and_leaves_no_escape_of_dot(lines):
    label = text.label(lines)
    assert label.endswith(r"\l")
    rest = label.replace("\\\\", "").replace(r"\l", "")
    assert "\\" not in rest


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (99_960, "100 kB"),
        (31_234_567, "31.2 MB"),
        (999_600_000, "1.0 GB"),
        (10**19, "10000 PB"),
    ],
)
def test_size(count, shown):
    assert text.size(count) == shown


def test_bar_compares_with_the_largest():
    assert text.bar(100, 100, 4) == "━━━━"
    assert text.bar(60, 100, 4) == "━━╸"
    assert text.bar(1, 10**9, 4) == "╸", "the smallest is still to be seen"
    assert text.bar(0, 0, 4) == "╸"


def test_short_keeps_the_algorithm():
    assert text.short("sha256:" + "ab" * 32) == "sha256:abababababab"
    assert text.short("nonsense") == "nonsense"


@pytest.mark.parametrize(
    ("noun", "many"),
    [
        ("layer", "2 layers"),
        ("index", "2 indexes"),
        ("process", "2 processes"),
        ("repository", "2 repositories"),
    ],
)
def test_plural(noun, many):
    assert text.plural(2, noun) == many
    assert text.plural(1, noun) == f"1 {noun}"


def test_wide_characters_take_two_columns():
    assert text.columns("한글 a") == 6

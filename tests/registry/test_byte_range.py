"""The Range header."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicontainer.registry.byte_range import RangeNotSatisfiable, parse_range


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-9", (0, 10)),
        ("bytes=3-", (3, 7)),
        ("bytes=-4", (6, 4)),
        ("bytes=-40", (0, 10)),
        ("bytes=8-400", (8, 2)),
        ("bytes=5-3", None),
        ("bytes=0-1,4-5", None),
        ("items=0-1", None),
        ("bytes=-", None),
        ("bytes", None),
    ],
)
def test_of_ten_bytes(header, part):
    assert parse_range(header, 10) == part


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-12", "bytes=-0"])
def test_behind_the_end(header):
    with pytest.raises(RangeNotSatisfiable):
        parse_range(header, 10)


@given(st.integers(0, 20), st.one_of(st.none(), st.integers(0, 30)), st.integers(0, 12))
def test_as_slicing_does_it(first, last, size):
    content = bytes(range(size))
    expected = content[first:] if last is None else content[first : last + 1]
    try:
        part = parse_range(f"bytes={first}-{'' if last is None else last}", size)
    except RangeNotSatisfiable:
        assert first >= size
    else:
        if part is not None:
            assert content[part[0] : part[0] + part[1]] == expected

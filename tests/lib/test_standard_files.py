"""What is printed where the locale's encoding lacks a character."""

from __future__ import annotations

import io

import pytest

from minicontainer.lib.standard_files import print_plainly


@pytest.mark.parametrize(
    ("encoding", "printed"),
    [("latin-1", "ok - ?a"), ("ascii", "ok - ?a"), ("utf-8", "✓ · 한a")],
)
def test_what_an_encoding_lacks_is_printed_as_something_like_it(monkeypatch, encoding, printed):
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr("sys.stdout", out)
    print_plainly()
    print("✓ · 한a", end="", flush=True)
    expected = printed.replace("-", "·") if encoding == "latin-1" else printed
    assert out.buffer.getvalue().decode(encoding) == expected

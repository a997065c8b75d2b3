"""Digests: computed, checked, and never a path."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicontainer.errors import DigestMismatch, ImageError
from minicontainer.step03_image.digest import Digester, check_digest, digest_of, split_digest

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_the_digest_of_nothing() -> None:
    assert digest_of(b"") == f"sha256:{EMPTY}"


def test_sha512_is_checked_too() -> None:
    digest = f"sha512:{hashlib.sha512(b'x').hexdigest()}"
    check_digest(digest, b"x")
    with pytest.raises(DigestMismatch):
        check_digest(digest, b"y")


@pytest.mark.parametrize(
    "digest",
    [
        "",
        EMPTY,
        f"sha256:{EMPTY.upper()}",
        f"sha256:{EMPTY}\n",
        f"sha256:{EMPTY[1:]}",
        f"SHA256:{EMPTY}",
        "sha256:../../../etc/passwd",
        "../x:" + EMPTY,
        "sha256:" + "../" * 21 + "x",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        "sha256:" + "\u0661" * 64,
        None,
        7,
    ],
)
def test_malformed_digests_are_refused(digest) -> None:
    with pytest.raises(ImageError):
        split_digest(digest)


@given(st.text())
def test_what_passes_is_safe_in_a_path(text) -> None:
    try:
        algorithm, encoded = split_digest(text)
    except ImageError:
        return
    assert not set(algorithm + encoded) & set("./\\:\0")


@given(st.lists(st.binary()))
def test_chunk_by_chunk_is_the_same(chunks) -> None:
    digester = Digester()
    for chunk in chunks:
        digester.update(chunk)
    assert digester.digest() == digest_of(b"".join(chunks))
    assert digester.size == sum(map(len, chunks))

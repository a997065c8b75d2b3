"""One checker of shapes, for config.json and for the documents of images."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired, TypedDict

import pytest

from minicontainer.errors import BundleError
from minicontainer.lib.shapes import NEEDED, check, shape_of, text


class Inner(TypedDict):
    size: Annotated[int, (0, 9)]
    names: NotRequired[list[Annotated[str, text]]]


class Outer(TypedDict, total=False):
    inner: Inner
    labels: dict[str, str]
    anything: dict[str, Any]


def test_a_typed_dict_is_a_shape() -> None:
    inner = {NEEDED: ["size"], "size": (0, 9), "names": [text]}
    expected = {NEEDED: [], "inner": inner, "labels": {"*": str}, "anything": {"*": None}}
    assert shape_of(Outer) == expected


@pytest.mark.parametrize(
    ("value", "where", "what"),
    [
        ([], "top", "expected an object, found '[]'"),
        ({"inner": {}}, "top.inner", "size is missing"),
        ({"inner": {"size": True}}, "top.inner.size", "expected a whole number, found 'True'"),
        ({"inner": {"size": 10}}, "top.inner.size", "must lie in 0 … 9"),
        ({"inner": {"size": 1, "names": "a"}}, "top.inner.names", "expected a list, found 'a'"),
        ({"inner": {"size": 1, "names": ["a\0"]}}, "top.inner.names[0]", "holds a NUL"),
        ({"inner": {"size": 1, "names": ["a", 1]}}, "top.inner.names[1]", "expected a string"),
        ({"labels": {"a": None}}, "top.labels.a", "expected a string"),
    ],
)
def test_what_does_not_fit_is_named(value, where, what) -> None:
    with pytest.raises(BundleError) as caught:
        check(value, shape_of(Outer), "top", BundleError)
    assert caught.value.where == where
    assert caught.value.what.startswith(what)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"inner": {"size": 0, "names": []}, "other": 1, "*": 1, "NEEDED": 1},
        {"labels": {"a\0": "b\0"}, "anything": {"a": None, "b": [1]}},
    ],
)
def test_what_fits_is_let_through(value) -> None:
    check(value, shape_of(Outer), "", BundleError)


def test_names_of_any_members_have_the_shape_of_the_values() -> None:
    with pytest.raises(BundleError, match="holds a NUL") as caught:
        check({"a": {"x\0": "y"}}, {"a": {"*": text}}, "", BundleError)
    assert caught.value.where == "a"

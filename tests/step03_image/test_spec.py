"""Documents: what is accepted, what is refused, and that nothing else happens."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicontainer.errors import ImageError
from minicontainer.step03_image import spec
from minicontainer.step03_image.spec import parse_config, parse_index, parse_manifest

DIGEST = "sha256:" + "a" * 64
DESCRIPTOR = {"mediaType": spec.OCI_LAYER_GZIP, "digest": DIGEST, "size": 3}
MANIFEST = {"schemaVersion": 2, "config": DESCRIPTOR, "layers": [DESCRIPTOR]}
INDEX = {"schemaVersion": 2, "manifests": [{**DESCRIPTOR, "mediaType": spec.OCI_MANIFEST}]}
CONFIG = {
    "architecture": "amd64",
    "os": "linux",
    "rootfs": {"type": "layers", "diff_ids": [DIGEST]},
    "config": {"Env": ["A=1"], "Cmd": None, "Labels": {"a": "b"}},
}


def dump(document: object) -> bytes:
    return json.dumps(document).encode()


def test_good_documents_come_back_as_they_are() -> None:
    assert parse_manifest(dump(MANIFEST)) == MANIFEST
    assert parse_index(dump(INDEX)) == INDEX


def test_null_means_absent() -> None:
    assert "Cmd" not in parse_config(dump(CONFIG))["config"]
    assert "layers" not in parse_index(dump({**INDEX, "layers": None}))


def test_unknown_members_are_kept() -> None:
    assert parse_config(dump({**CONFIG, "moby.x": 1}))["moby.x"] == 1  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    ("parse", "document", "complaint"),
    [
        (parse_index, {**INDEX, "layers": []}, "must not have layers"),
        (parse_index, {**INDEX, "config": DESCRIPTOR}, "must not have config"),
        (parse_manifest, {**MANIFEST, "manifests": []}, "must not have manifests"),
        (parse_manifest, {**MANIFEST, "mediaType": spec.OCI_INDEX}, "expected a manifest"),
        (parse_index, {**INDEX, "mediaType": spec.DOCKER_MANIFEST}, "expected an index"),
        (parse_manifest, {**MANIFEST, "schemaVersion": 1}, "schema 1"),
        (parse_manifest, {**MANIFEST, "mediaType": spec.DOCKER_SCHEMA_1[1]}, "schema 1"),
        (parse_manifest, {**MANIFEST, "schemaVersion": "2"}, "schemaVersion"),
        (parse_manifest, {"schemaVersion": 2, "layers": []}, "config is missing"),
        (parse_manifest, {**MANIFEST, "layers": {}}, "expected a list"),
        (parse_manifest, {**MANIFEST, "layers": [1]}, "expected an object"),
        (parse_manifest, {**MANIFEST, "layers": [{**DESCRIPTOR, "size": -1}]}, "size"),
        (parse_manifest, {**MANIFEST, "layers": [{**DESCRIPTOR, "size": True}]}, "number"),
        (parse_manifest, {**MANIFEST, "layers": [{**DESCRIPTOR, "size": 1.0}]}, "number"),
        (parse_manifest, {**MANIFEST, "layers": [{**DESCRIPTOR, "size": 2**63}]}, "size"),
        (parse_manifest, {**MANIFEST, "config": {**DESCRIPTOR, "digest": "x"}}, "digest"),
        (parse_index, {**INDEX, "annotations": {"a": 1}}, "expected a string"),
        (parse_config, {**CONFIG, "rootfs": {"type": "x", "diff_ids": []}}, "rootfs.type"),
        (parse_config, {**CONFIG, "config": {"Env": "A=1"}}, "expected a list"),
        (parse_config, {**CONFIG, "config": {"Cmd": ["a\0b"]}}, "NUL"),
        (parse_config, {**CONFIG, "architecture": None}, "architecture is missing"),
        (parse_config, [], "not a JSON object"),
    ],
)
def test_bad_documents_are_refused(parse, document, complaint) -> None:
    with pytest.raises(ImageError, match=complaint):
        parse(dump(document))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b'{"schemaVersion": 2, "schemaVersion": 2}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"schemaVersion": ' + b"9" * 10_000 + b"}",
        b'{"schemaVersion": NaN}',
        b'{"schemaVersion": 2, "mediaType": "\\ud800"}',
        b'\xef\xbb\xbf{"schemaVersion": 2}',
        b" " * (spec.LARGEST_DOCUMENT + 1),
    ],
)
@pytest.mark.parametrize("parse", [parse_index, parse_manifest, parse_config, spec.media_type_of])
def test_hostile_bytes_are_refused(parse, content) -> None:
    with pytest.raises(ImageError):
        parse(content)


def test_what_a_document_is() -> None:
    docker = {**MANIFEST, "mediaType": spec.DOCKER_MANIFEST}
    assert spec.media_type_of(dump(MANIFEST)) == spec.OCI_MANIFEST
    assert spec.media_type_of(dump(INDEX)) == spec.OCI_INDEX
    assert spec.media_type_of(dump(docker)) == spec.DOCKER_MANIFEST
    assert spec.media_type_of(dump(MANIFEST), spec.DOCKER_MANIFEST) == spec.DOCKER_MANIFEST
    assert spec.media_type_of(dump(MANIFEST), "application/json") == spec.OCI_MANIFEST
    with pytest.raises(ImageError, match="must not have"):
        spec.media_type_of(dump({**INDEX, **MANIFEST}))
    with pytest.raises(ImageError):
        spec.media_type_of(dump(MANIFEST), f"{spec.OCI_INDEX}; charset=utf-8")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.sampled_from([*MANIFEST, *INDEX, *CONFIG]), JSON) | JSON)
def test_any_json_is_parsed_or_refused(document) -> None:
    for parse in (parse_index, parse_manifest, parse_config, spec.media_type_of):
        with contextlib.suppress(ImageError):
            parse(dump(document))


@given(st.binary())
def test_any_bytes_are_refused_or_parsed(content) -> None:
    for parse in (parse_index, parse_manifest, parse_config):
        with contextlib.suppress(ImageError):
            parse(content)

"""The manifest graph: what is drawn, what is folded, what is shared, from where."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minicontainer.errors import MinicontainerError
from minicontainer.pictures import documents as images
from minicontainer.pictures import sharing, sources
from minicontainer.pictures.manifests import manifest_graph
from minicontainer.registry.server import running_registry
from minicontainer.step03_image.layout import open_layout
from tests.waiting import costs_less_than

from . import layouts
from .layouts import Layout, on
from .svg_checks import boxes, kinds


def firsts(picture) -> list[str]:
    """The first line of every box."""
    return sorted(lines[0] for lines in boxes(picture.svg()).values())


def test_two_tags_share_layers(each_graphviz, two_tags):
    picture = manifest_graph(two_tags.path)
    found = kinds(picture.svg())
    assert found.count("reference") == 2
    assert found.count("index") == 2
    assert found.count("manifest") == 2
    assert found.count("config") == 2
    assert found.count("layer") == 2, "each its own page"
    assert found.count("shared") == 2 + 1, "drawn once each, and the legend"
    assert firsts(picture).count("attestation") == 2 + 1


def test_the_caption_counts_what_a_second_pull_saves(two_tags):
    opened = sources.open_images([two_tags.path])
    drawn = sharing.choose_drawn(opened, None)
    (saving,) = sharing.second_pulls(drawn)
    layers = drawn[1].layers
    assert saving.here == 2
    assert saving.saved == layers[0].size + layers[1].size
    assert saving.whole == sum(child.size for child in drawn[1].manifest.children)
    assert str(saving) in manifest_graph(two_tags.path).alt
    assert "workshop/web:1.1 linux/amd64: 2 of 3 layers shared" in str(saving)


def test_one_tag_saves_nothing(two_tags):
    picture = manifest_graph(f"oci:{two_tags.path}:docker.io/workshop/web:1.0")
    assert "shared" not in kinds(picture.svg())
    assert "no layer shared" in picture.alt


def test_layers_shared_by_platforms_of_one_image_save_nothing(tmp_path):
    layout = Layout(tmp_path / "x")
    same = layout.layer({"page": b"x"})
    entries = [
        on(f"linux/{machine}", layout.manifest([same, layout.layer({"a": name})], "linux", machine))
        for machine, name in (("amd64", b"1"), ("arm64", b"2"))
    ]
    layout.tag("docker.io/workshop/x:1", layout.index(entries))
    opened = sources.open_images([layout.path])
    assert sharing.second_pulls(sharing.choose_drawn(opened, None)) == []
    assert kinds(manifest_graph(layout.path).svg()).count("shared") == 1 + 1


def test_two_names_of_one_image_lead_to_one_box(tmp_path):
    layout = Layout(tmp_path / "x")
    manifest = layout.manifest([layout.layer({"a": b"a"})])
    layout.tag("docker.io/workshop/x:1", manifest)
    layout.tag("docker.io/workshop/x:latest", manifest)
    found = kinds(manifest_graph(layout.path).svg())
    assert found.count("reference") == 2
    assert found.count("manifest") == 1


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({}, "manifest"),
        ({"annotations": {"vnd.docker.reference.type": "x"}}, "attestation"),
        ({"platform": {"os": "unknown", "architecture": "unknown"}}, "attestation"),
        ({"mediaType": layouts.DOCKER + "list.v2+json"}, "index"),
    ],
)
def test_what_a_descriptor_announces(more, kind):
    descriptor = {"mediaType": f"{layouts.OCI}manifest.v1+json", "digest": "x", "size": 1}
    assert images.kind_of({**descriptor, **more}) == kind


def test_thirty_platforms_are_folded(each_graphviz, thirty_platforms):
    with costs_less_than(2):
        picture = manifest_graph(thirty_platforms.path)
        found = boxes(picture.svg())
    assert len(found) < 15, "no hairball"
    folded = next(lines for lines in found.values() if lines[0] == "29 more platforms")
    assert len(folded) == 30
    assert "linux/s390x" in folded[3]
    assert "3 layers" in folded[3]
    assert [lines[0] for lines in found.values() if "30 att" in lines[0]] == ["30 attestations"]


@pytest.mark.parametrize("count", [1, 4, 5, 12])
def test_any_number_of_platforms(tmp_path, count):
    layouts.many_platforms(tmp_path / "x", count)
    picture = manifest_graph(tmp_path / "x")
    unfolded = count if count <= sharing.UNFOLDED else 1
    assert firsts(picture).count("OCI manifest") == unfolded


def test_one_platform_is_asked_for(thirty_platforms):
    picture = manifest_graph(thirty_platforms.path, "linux/s390x")
    assert "workshop/many:latest linux/s390x has 3 layers" in picture.alt
    with pytest.raises(MinicontainerError, match="nothing for linux/mips") as caught:
        manifest_graph(thirty_platforms.path, "linux/mips")
    assert "linux/riscv64" in caught.value.hint


def test_docker_and_oci_are_told_apart(each_graphviz, tmp_path):
    layouts.every_kind(tmp_path / "mixed")
    found = firsts(manifest_graph(tmp_path / "mixed"))
    assert "Docker index" in found and "OCI index" in found, "one is nested in the other"
    assert "Docker manifest" in found and "OCI manifest" in found
    assert "Docker schema 2" in found and "OCI media type" in found, "the legend"
    assert "1 more platform" in found, "the one that is not here"


def test_all_docker_has_no_oci_in_its_legend(tmp_path):
    layouts.many_platforms(tmp_path / "d", 2, docker=True)
    found = firsts(manifest_graph(tmp_path / "d"))
    assert "OCI media type" not in found and "Docker schema 2" in found


def test_many_layers_are_folded(tmp_path):
    layout = Layout(tmp_path / "deep")
    layers = [layout.layer({f"f{n}": b"x" * n}) for n in range(40)]
    layout.tag("docker.io/workshop/deep:1", layout.manifest(layers))
    found = firsts(manifest_graph(tmp_path / "deep"))
    assert "layer 12" in found and "layer 13" not in found
    assert "28 more layers" in found


def test_damaged_documents_are_drawn_as_such(two_tags):
    tag = two_tags.tags[0]
    two_tags.path.joinpath("blobs", tag["digest"].replace(":", "/")).write_bytes(b"{" * tag["size"])
    found = boxes(manifest_graph(two_tags.path).svg())
    assert any(line.startswith("!") for lines in found.values() for line in lines)


def test_an_index_that_holds_itself_ends(tmp_path, monkeypatch):
    """No honest digest can do this; a reader that does not check digests could meet it."""
    layout = Layout(tmp_path / "loop")
    inner = layout.index([on("linux/amd64", layout.manifest([layout.layer({"a": b"a"})]))])
    found = images.read_tree(inner, lambda descriptor: _index_of(inner))
    assert sum(1 for _ in found.each()) == images.DEEPEST + 1


def _index_of(descriptor):
    return json.dumps({"schemaVersion": 2, "manifests": [descriptor]}).encode()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(max_size=40), st.text(min_size=1, max_size=40), st.text(max_size=40))
def test_hostile_names_platforms_and_annotations(tmp_path_factory, tag, architecture, value):
    layout = Layout(tmp_path_factory.mktemp("hostile") / 'a"b')
    manifest = layout.manifest([layout.layer({"a": b"a"})])
    entry = {**manifest, "platform": {"os": "li</text>", "architecture": architecture}}
    entry["annotations"] = {"vnd.docker.reference.digest": value, value: tag}
    layout.tag(f'x"]; y{tag}', layout.index([entry]))
    assert len(boxes(manifest_graph(layout.path).svg())) in (5, 6)


def test_a_remote_image_without_its_layers(tmp_path, monkeypatch, two_tags):
    local = manifest_graph(two_tags.path)
    with running_registry(open_layout(two_tags.path)) as host:
        monkeypatch.setenv("MINICONTAINER_REGISTRY", host)
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
        with costs_less_than(1):
            remote = manifest_graph(["workshop/web:1.0", "workshop/web:1.1"])
            remote.svg()
        with pytest.raises(MinicontainerError, match="no image 9") as caught:
            manifest_graph("workshop/web:9")
    assert "1.0, 1.1" in caught.value.hint
    assert kinds(remote.svg()) == kinds(local.svg())
    assert "in the kit's registry" in remote.alt
    assert not (tmp_path / "data").exists(), "nothing is written"


def test_thirty_remote_platforms(tmp_path, monkeypatch, thirty_platforms):
    with running_registry(open_layout(thirty_platforms.path)) as host:
        monkeypatch.setenv("MINICONTAINER_REGISTRY", host)
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
        with costs_less_than(2):
            picture = manifest_graph("workshop/many")
            picture.svg()
    assert "29 more platforms" in firsts(picture)


def test_a_local_image_comes_from_the_store(monkeypatch, two_tags):
    picture = manifest_graph("workshop/web:1.0", store=two_tags.path)
    assert "in the store" in picture.alt


def test_what_is_not_there(tmp_path, two_tags):
    with pytest.raises(MinicontainerError, match="no tag 'x'") as caught:
        manifest_graph(f"oci:{two_tags.path}:x")
    assert "workshop/web:1.1" in caught.value.hint
    with pytest.raises(MinicontainerError, match="not an OCI image layout"):
        manifest_graph(f"oci:{tmp_path}")

"""Names of images: Docker's rules, and clear words for what they refuse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicontainer.step04_registry.reference import BadReference, Reference, parse_reference

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "whole", "familiar"),
    [
        ("nginx", "docker.io/library/nginx:latest", "nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27", "nginx:1.27"),
        ("workshop/hello", "docker.io/workshop/hello:latest", "workshop/hello:latest"),
        ("library/nginx", "docker.io/library/nginx:latest", "nginx:latest"),
        ("docker.io/nginx", "docker.io/library/nginx:latest", "nginx:latest"),
        ("index.docker.io/a/b", "docker.io/a/b:latest", "a/b:latest"),
        ("host:5000/x", "host:5000/x:latest", "host:5000/x:latest"),
        ("host:5000/x:y", "host:5000/x:y", "host:5000/x:y"),
        ("localhost/x", "localhost/x:latest", "localhost/x:latest"),
        ("localhost", "docker.io/library/localhost:latest", "localhost:latest"),
        ("Host/x", "Host/x:latest", "Host/x:latest"),
        ("a:5000", "docker.io/library/a:5000", "a:5000"),
        ("[::1]:5000/x/y", "[::1]:5000/x/y:latest", "[::1]:5000/x/y:latest"),
        ("ghcr.io/a/b/c-d__e.f", "ghcr.io/a/b/c-d__e.f:latest", "ghcr.io/a/b/c-d__e.f:latest"),
        (f"x@{DIGEST}", f"docker.io/library/x@{DIGEST}", f"x@{DIGEST}"),
        (f"x:tag@{DIGEST}", f"docker.io/library/x:tag@{DIGEST}", f"x:tag@{DIGEST}"),
        ("docker.io/localhost/x", "docker.io/localhost/x:latest", "docker.io/localhost/x:latest"),
    ],
)
def test_what_a_name_means(text, whole, familiar):
    reference = parse_reference(text)
    assert str(reference) == whole
    assert reference.familiar == familiar


def test_a_digest_is_asked_for_before_the_tag():
    assert parse_reference(f"x:tag@{DIGEST}").wanted == DIGEST
    assert parse_reference("x:tag").wanted == "tag"
    assert parse_reference(f"x@{DIGEST}").tag is None


def test_docker_hub_answers_under_another_name():
    assert parse_reference("nginx").api_host == "registry-1.docker.io"
    assert parse_reference("host:5000/x").api_host == "host:5000"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "empty"),
        ("/", "empty"),
        (":tag", "empty"),
        ("Nginx", "lower case"),
        ("host:5000/Nginx", "lower case"),
        ("a//b", "not a repository"),
        ("a/", "not a repository"),
        ("/a", "not a repository"),
        ("a..b", "not a repository"),
        ("a___b", "not a repository"),
        ("../../etc/passwd", "address"),
        ("x:", "not a tag"),
        ("x:.hidden", "not a tag"),
        ("x:a b", "not a tag"),
        ("x:" + "t" * 129, "not a tag"),
        ("x@", "not a digest"),
        ("x@sha256:abc", "not a digest"),
        ("x@" + DIGEST.upper(), "not a digest"),
        ("x@md5:" + "0" * 32, "not a digest"),
        ("https://host/x", "http://"),
        ("host:port/x", "address"),
        ("-host.example/x", "address"),
        ("nginx\n", "not a repository"),
        ("ngïnx", "not a repository"),
        ("x:tág", "not a tag"),
        ("a" * 64, "an id, not a name"),
        ("b/" + "a" * 256, "longer than"),
    ],
)
def test_what_is_refused(text, complaint):
    with pytest.raises(BadReference) as refused:
        parse_reference(text)
    assert complaint in refused.value.what
    assert refused.value.exit_status == 125


@given(st.text(alphabet="aZ0.:/@-_[]é \n" + DIGEST, max_size=90))
def test_any_text_is_understood_or_refused(text):
    try:
        reference = parse_reference(text)
    except BadReference as refused:
        assert str(refused)
    else:
        assert parse_reference(str(reference)) == reference
        assert parse_reference(reference.familiar) == reference


names = st.from_regex(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*", fullmatch=True).filter(
    lambda name: len(name) < 40
)


@given(
    st.one_of(
        st.just("docker.io"),
        st.from_regex(r"[a-z][a-z0-9]*\.example(:[0-9]{1,5})?", fullmatch=True),
    ),
    st.lists(names, min_size=2, max_size=4).map("/".join),
    st.one_of(st.none(), st.from_regex(r"\w[\w.-]{0,20}", fullmatch=True).filter(str.isascii)),
    st.one_of(st.none(), st.just(DIGEST)),
)
def test_a_whole_name_keeps_its_parts(host, repository, tag, digest):
    if tag is None and digest is None:
        tag = "latest"
    reference = Reference(host, repository, tag, digest)
    assert parse_reference(str(reference)) == reference
    assert parse_reference(reference.familiar) == reference

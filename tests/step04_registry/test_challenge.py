"""WWW-Authenticate, as registries write it and as RFC 9110 allows it."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicontainer.step04_registry.challenge import BadChallenge, Challenge, parse_challenge
from tests.waiting import costs_less_than


def test_docker_hubs_challenge():
    header = (
        'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",'
        'scope="repository:library/nginx:pull"'
    )
    assert parse_challenge(header) == [
        Challenge(
            "bearer",
            {
                "realm": "https://auth.docker.io/token",
                "service": "registry.docker.io",
                "scope": "repository:library/nginx:pull",
            },
        )
    ]


@pytest.mark.parametrize(
    ("header", "challenges"),
    [
        ("", []),
        ("Basic", [("basic", {})]),
        (
            'Bearer scope="repository:a:pull,push"',
            [("bearer", {"scope": "repository:a:pull,push"})],
        ),
        (r'Basic realm="say \"hi\", \\ there"', [("basic", {"realm": r'say "hi", \ there'})]),
        ("BEARER Realm=x", [("bearer", {"realm": "x"})]),
        ('Bearer realm = "x" , service=y', [("bearer", {"realm": "x", "service": "y"})]),
        (
            'Basic realm="a", Bearer realm="b",service="c"',
            [("basic", {"realm": "a"}), ("bearer", {"realm": "b", "service": "c"})],
        ),
        ("Negotiate, Basic", [("negotiate", {}), ("basic", {})]),
        (
            'Negotiate YWJj==, Basic realm="x"',
            [("negotiate", {"token68": "YWJj=="}), ("basic", {"realm": "x"})],
        ),
        (', ,Basic realm="x",,', [("basic", {"realm": "x"})]),
        ('Basic realm=""', [("basic", {"realm": ""})]),
    ],
)
def test_challenges(header, challenges):
    assert parse_challenge(header) == challenges


@pytest.mark.parametrize(
    "header", ["x=y", 'Bearer realm="open', 'Bearer realm="a"b', "é", "Basic ="]
)
def test_what_makes_no_sense_is_refused(header):
    with pytest.raises(BadChallenge):
        parse_challenge(header)


@given(st.text(alphabet='Basic ,="\\realm\t\n\0é', max_size=60))
def test_no_header_does_harm(header):
    try:
        for challenge in parse_challenge(header):
            assert challenge.scheme
    except BadChallenge:
        pass


tokens = st.from_regex(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", fullmatch=True)


@given(
    st.lists(
        st.tuples(tokens, st.dictionaries(tokens.map(str.lower), st.text(), min_size=1)),
        max_size=4,
    )
)
def test_quoted_values_come_back(challenges):
    def quoted(value):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    header = ", ".join(
        f"{scheme} " + ",".join(f"{name}={quoted(value)}" for name, value in parameters.items())
        for scheme, parameters in challenges
    )
    assert parse_challenge(header) == [(scheme.lower(), given) for scheme, given in challenges]


@pytest.mark.parametrize(
    "header", ["a " * 30000, 'a="' + "\\" * 60000, "a b=" * 15000, "," * 60000]
)
def test_a_long_header_takes_no_time(header):
    with costs_less_than(1), contextlib.suppress(BadChallenge):
        parse_challenge(header)

"""Tokens, from token services of all kinds."""

import base64
import json
import urllib.parse

import pytest

from minicontainer.lib.http_errors import BadAnswer, LoginNeeded, StatusError
from minicontainer.lib.session import Session
from minicontainer.step04_registry.challenge import Challenge
from minicontainer.step04_registry.token import Credentials, Token, fetch_token

from .strange import StrangeServer


def answering(document, status=200):
    return lambda asked: asked.reply(status, json.dumps(document).encode())


def ask(server, credentials=None, **parameters):
    challenge = Challenge("bearer", {"realm": f"http://{server.at}/token", **parameters})
    session = Session(pauses=(0, 0))
    try:
        return fetch_token(session, challenge, "workshop/hello", credentials)
    finally:
        session.close()


def query_of(asked):
    return urllib.parse.parse_qs(urllib.parse.urlsplit(asked.path).query)


@pytest.mark.parametrize(
    ("document", "token"),
    [
        ({"token": "T"}, Token("T", 60)),
        ({"access_token": "A"}, Token("A", 60)),
        ({"token": "T", "access_token": "A", "expires_in": 300}, Token("T", 300)),
        ({"token": "", "access_token": "A"}, Token("A", 60)),
        ({"token": "T", "expires_in": "soon"}, Token("T", 60)),
        ({"token": "T", "expires_in": -5}, Token("T", 60)),
        ({"token": "T", "expires_in": True}, Token("T", 60)),
        ({"token": "T", "expires_in": None}, Token("T", 60)),
    ],
)
def test_answers(document, token):
    with StrangeServer(answering(document)) as server:
        assert ask(server) == token


def test_the_scope_is_ours_and_the_service_theirs():
    with StrangeServer(answering({"token": "T"})) as server:
        ask(server, service="registry.example", scope="repository:user/image:pull,push")
    assert query_of(server.asked[0]) == {
        "service": ["registry.example"],
        "scope": ["repository:workshop/hello:pull"],
    }
    assert "authorization" not in server.asked[0].headers


def test_a_realm_with_a_query_keeps_it():
    with StrangeServer(answering({"token": "T"})) as server:
        challenge = Challenge("bearer", {"realm": f"http://{server.at}/token?account=x&offline="})
        fetch_token(Session(), challenge, "a")
    expected = [("account", "x"), ("offline", ""), ("scope", "repository:a:pull")]
    query = server.asked[0].path.partition("?")[2]
    assert urllib.parse.parse_qsl(query, keep_blank_values=True) == expected


def test_a_login_goes_along_as_basic():
    with StrangeServer(answering({"token": "T"})) as server:
        ask(server, Credentials("eve", "a:b:é"))
    sent = server.asked[0].headers["authorization"]
    assert sent == "Basic " + base64.b64encode("eve:a:b:é".encode()).decode()


def test_an_identity_token_is_posted():
    with StrangeServer(answering({"access_token": "A"})) as server:
        assert ask(server, Credentials("eve", "", "IDENTITY"), service="s").value == "A"
    assert server.asked[0].method == "POST"
    form = urllib.parse.parse_qs(server.asked[0].body)
    assert form["grant_type"] == ["refresh_token"]
    assert form["refresh_token"] == ["IDENTITY"]
    assert form["scope"] == ["repository:workshop/hello:pull"]
    assert form["service"] == ["s"]
    assert form["client_id"]


@pytest.mark.parametrize("status", [401, 404, 405])
def test_where_there_is_no_post_the_identity_token_is_the_password(status):
    def answer(asked):
        if asked.method == "POST":
            asked.reply(status)
        else:
            asked.reply(body=b'{"token":"T"}')

    with StrangeServer(answer) as server:
        assert ask(server, Credentials("eve", "", "IDENTITY")).value == "T"
    login = base64.b64decode(server.asked[1].headers["authorization"].split()[1])
    assert login == b"eve:IDENTITY"


def test_errors_that_pass_are_tried_again():
    answers = iter([503, 500, 200])
    with StrangeServer(lambda asked: asked.reply(next(answers), b'{"token":"T"}')) as server:
        assert ask(server).value == "T"
    assert len(server.asked) == 3


def test_errors_that_stay_are_reported():
    with StrangeServer(answering({}, 503)) as server, pytest.raises(StatusError) as refused:
        ask(server)
    assert refused.value.status == 503
    assert len(server.asked) == 3


def test_a_wrong_login_is_reported_in_the_services_words():
    document = {"errors": [{"code": "UNAUTHORIZED", "message": "no such\x1b[31m user"}]}
    with StrangeServer(answering(document, 401)) as server, pytest.raises(LoginNeeded) as refused:
        ask(server, Credentials("eve", "wrong"))
    assert refused.value.what == "UNAUTHORIZED: no such?[31m user"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"<html>",
        b'{"token": 7}',
        b'{"token": "a\\nHost: evil"}',
        b'{"token": "\xc3\xa9"}',
        b'{"a":' * 100_000,
        b'{"token": "' + b"x" * 2_000_000 + b'"}',
    ],
)
def test_answers_without_a_usable_token(body):
    with StrangeServer(lambda asked: asked.reply(body=body)) as server, pytest.raises(BadAnswer):
        ask(server)


def test_without_a_realm_there_is_nobody_to_ask():
    with pytest.raises(BadAnswer):
        fetch_token(Session(), Challenge("bearer", {"service": "x"}), "a")
    with pytest.raises(BadAnswer):
        fetch_token(Session(), Challenge("bearer", {"realm": "file:///etc/passwd"}), "a")

"""Our questions to registries that are odd, broken or hostile."""

import io
import json
import threading
import time
from email.utils import formatdate

import pytest
import requests
from requests.utils import select_proxy

from minicontainer import explain
from minicontainer.errors import DigestMismatch, ImageError, SizeMismatch
from minicontainer.lib import connections
from minicontainer.lib.addresses import origin
from minicontainer.lib.http_errors import (
    BadAnswer,
    ConnectionLost,
    LoginNeeded,
    NotFound,
    NotReached,
    RegistryError,
    StatusError,
)
from minicontainer.lib.retries import LONGEST_PAUSE, wanted_pause
from minicontainer.lib.session import Session
from minicontainer.step03_image.digest import digest_of
from minicontainer.step03_image.layout import blob_path, has_blob
from minicontainer.step03_image.spec import (
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    LARGEST_DOCUMENT,
    OCI_INDEX,
    OCI_MANIFEST,
)
from minicontainer.step04_registry.client import (
    Registry,
    get_blob,
    get_manifest,
    head_manifest,
    list_tags,
)
from minicontainer.step04_registry.redirects import follow_redirects
from tests.waiting import HANG

from .strange import StrangeServer

INDEX = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}).encode()
BLOB = bytes(range(256)) * 4096


def descriptor_of(content, media_type="application/octet-stream"):
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def bearer_only(answer):
    """A registry that gives tokens T1, T2 … and wants to see the last one."""
    state = {"tokens": 0, "good": None}

    def wrapped(asked):
        if asked.path.startswith("/token"):
            state["tokens"] += 1
            state["good"] = f"Bearer T{state['tokens']}"
            asked.reply(body=json.dumps({"access_token": f"T{state['tokens']}"}).encode())
        elif asked.headers.get("authorization") != state["good"] or state["good"] is None:
            host = asked.headers["host"]
            asked.reply(401, WWW_Authenticate=f'Bearer realm="http://{host}/token",service="s"')
        else:
            answer(asked)

    wrapped.state = state
    return wrapped


# -- tokens --------------------------------------------------------------------


def test_a_token_is_fetched_once_and_used_again(registry):
    with StrangeServer(bearer_only(lambda asked: asked.reply(body=b'{"tags":["a"]}'))) as server:
        client = registry(server.at)
        assert list_tags(client, "x") == ["a"]
        assert list_tags(client, "x") == ["a"]
    assert [path.partition("?")[0] for path in server.paths] == [
        "/v2/x/tags/list",
        "/token",
        "/v2/x/tags/list",
        "/v2/x/tags/list",
    ]


def test_a_token_that_got_too_old_is_replaced(registry):
    answer = bearer_only(lambda asked: asked.reply(body=b'{"tags":["a"]}'))
    with StrangeServer(answer) as server:
        client = registry(server.at)
        list_tags(client, "x")
        answer.state["good"] = "Bearer something else"
        assert list_tags(client, "x") == ["a"]
    assert answer.state["tokens"] == 2


def test_a_registry_that_refuses_every_token_is_asked_twice(registry):
    def answer(asked):
        if asked.path.startswith("/token"):
            asked.reply(body=b'{"token":"T"}')
        else:
            asked.reply(
                401, WWW_Authenticate=f'Bearer realm="http://{asked.headers["host"]}/token"'
            )

    with StrangeServer(answer) as server, pytest.raises(LoginNeeded):
        list_tags(registry(server.at), "x")
    assert len(server.asked) == 3


def test_401_without_a_challenge_is_an_answer(registry):
    with StrangeServer(lambda asked: asked.reply(401)) as server, pytest.raises(LoginNeeded):
        list_tags(registry(server.at), "x")
    assert len(server.asked) == 1


def test_basic_needs_a_login(registry):
    with (
        StrangeServer(lambda asked: asked.reply(401, WWW_Authenticate='Basic realm="x"')) as server,
        pytest.raises(LoginNeeded) as refused,
    ):
        list_tags(registry(server.at), "x")
    assert "login" in refused.value.what


def test_another_authorization_can_be_given(registry):
    def answer(asked):
        good = asked.headers.get("authorization") == "Basic eA=="
        asked.reply(200 if good else 401, b'{"tags":[]}', WWW_Authenticate='Basic realm="x"')

    def authorize(challenges, repository, session):
        assert (challenges[0].scheme, repository) == ("basic", "x/y")
        return "Basic eA=="

    with StrangeServer(answer) as server:
        assert list_tags(registry(server.at, authorize=authorize), "x/y") == []


# -- tags ----------------------------------------------------------------------


def paged(pages):
    """A server of tag lists: path -> (tags, Link or None)."""

    def answer(asked):
        tags, link = pages[asked.path]
        headers = {"Link": link} if link else {}
        asked.reply(body=json.dumps({"name": "x", "tags": tags}).encode(), **headers)

    return answer


def test_pages_are_followed_relative_and_absolute(registry):
    pages = {
        "/v2/x/tags/list": (["b", "a"], '</v2/x/tags/list?last=a&n=2>; rel="next"'),
        "/v2/x/tags/list?last=a&n=2": (["c", "a"], None),
        "/v2/x/tags/list?p=3": (["d"], None),
    }
    with StrangeServer(paged(pages)) as server:
        following = f"<http://{server.at}/v2/x/tags/list?p=3>;rel=next"
        pages["/v2/x/tags/list?last=a&n=2"] = (["c", "a"], following)
        assert list_tags(registry(server.at), "x") == ["b", "a", "c", "d"]


def test_other_links_are_no_next_page(registry):
    pages = {
        "/v2/x/tags/list": (["a"], '</v2/x/tags/list?n=1>; rel="prev", </x>; title="rel=next"')
    }
    with StrangeServer(paged(pages)) as server:
        assert list_tags(registry(server.at), "x") == ["a"]


def test_pages_in_a_circle(registry):
    pages = {
        "/v2/x/tags/list": (["a"], '</v2/x/tags/list?p=2>; rel="next"'),
        "/v2/x/tags/list?p=2": (["b"], '</v2/x/tags/list>; rel="next"'),
    }
    with StrangeServer(paged(pages)) as server, pytest.raises(BadAnswer) as refused:
        list_tags(registry(server.at), "x")
    assert "no end" in refused.value.what
    assert len(server.asked) < 5


def test_pages_without_end(registry, monkeypatch):
    monkeypatch.setattr("minicontainer.step04_registry.client.MOST_PAGES", 20)

    def answer(asked):
        asked.reply(body=b'{"tags":["a"]}', Link=f'<{asked.path}x>; rel="next"')

    with StrangeServer(answer) as server, pytest.raises(BadAnswer):
        list_tags(registry(server.at), "x")
    assert len(server.asked) == 20


def test_a_page_on_another_host_is_refused(registry):
    with StrangeServer(lambda asked: asked.reply(body=b'{"tags":["evil"]}')) as other:
        pages = {"/v2/x/tags/list": (["a"], f'<http://{other.at}/v2/x/tags/list>; rel="next"')}
        with StrangeServer(paged(pages)) as server, pytest.raises(BadAnswer):
            list_tags(registry(server.at), "x")
    assert not other.asked


@pytest.mark.parametrize("body", [b'{"name":"x","tags":null}', b'{"name":"x"}', b'{"tags":[]}'])
def test_a_repository_without_tags(registry, body):
    with StrangeServer(lambda asked: asked.reply(body=body)) as server:
        assert list_tags(registry(server.at), "x") == []


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"[" * 100_000])
def test_a_tag_list_that_is_none(registry, body):
    with StrangeServer(lambda asked: asked.reply(body=body)) as server, pytest.raises(BadAnswer):
        list_tags(registry(server.at), "x")


# -- manifests -----------------------------------------------------------------


def test_all_four_types_are_accepted_and_the_type_is_the_headers(registry):
    with StrangeServer(lambda asked: asked.reply(body=INDEX, Content_Type=OCI_INDEX)) as server:
        descriptor, content = get_manifest(registry(server.at), "x", "latest")
    accepted = server.asked[0].headers["accept"]
    for media_type in (OCI_INDEX, OCI_MANIFEST, DOCKER_INDEX, DOCKER_MANIFEST):
        assert media_type in accepted
    assert "*" not in accepted
    assert content == INDEX
    assert descriptor == descriptor_of(INDEX, OCI_INDEX)


@pytest.mark.parametrize("header", ["", "application/json", "text/plain; charset=utf-8"])
def test_without_a_useful_header_the_body_tells_its_type(registry, header):
    headers = {"Content_Type": header} if header else {}
    bare = b'{"schemaVersion":2,"manifests":[]}'
    for body in (INDEX, bare):
        with StrangeServer(lambda asked, body=body: asked.reply(body=body, **headers)) as server:
            descriptor, _ = get_manifest(registry(server.at), "x", "latest")
            assert descriptor["mediaType"] == OCI_INDEX


def test_the_promised_digest_is_checked(registry):
    def lie(asked):
        asked.reply(body=INDEX, Docker_Content_Digest=digest_of(b"something else"))

    with StrangeServer(lie) as server, pytest.raises(DigestMismatch):
        get_manifest(registry(server.at), "x", "latest")


def test_the_digest_asked_for_is_checked_whatever_is_promised(registry):
    flipped = bytes([INDEX[0], INDEX[1] ^ 1]) + INDEX[2:]

    def answer(asked):
        asked.reply(body=flipped, Docker_Content_Digest=digest_of(flipped))

    with StrangeServer(answer) as server, pytest.raises(DigestMismatch):
        get_manifest(registry(server.at), "x", digest_of(INDEX))


def test_an_endless_manifest_is_left(registry):
    def answer(asked):
        asked.reply(length="none")
        for _ in range(100):
            asked.handler.wfile.write(b" " * 1_000_000)

    with StrangeServer(answer) as server, pytest.raises(BadAnswer) as refused:
        get_manifest(registry(server.at), "x", "latest")
    assert str(LARGEST_DOCUMENT) in refused.value.what


def test_a_manifest_in_pieces_without_a_length(registry):
    def answer(asked):
        asked.reply(length="none", Transfer_Encoding="chunked")
        for at in range(0, len(INDEX), 7):
            piece = INDEX[at : at + 7]
            asked.handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        asked.handler.wfile.write(b"0\r\n\r\n")

    with StrangeServer(answer) as server:
        assert get_manifest(registry(server.at), "x", "latest")[1] == INDEX


SCHEMA_1 = b'{"schemaVersion":1,"name":"x","tag":"latest","fsLayers":[],"history":[]}'


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (SCHEMA_1, "schema 1"),
        (b'{"schemaVersion":2,"manifests":[],"layers":[],"config":{}}', "must not have"),
        (b'{"schemaVersion":2,"layers":' + b"[" * 200_000, ""),
        (b"not json", "not a JSON"),
        (b"\xff\xfe", ""),
    ],
)
def test_manifests_that_are_refused(registry, body, complaint):
    with (
        StrangeServer(lambda asked: asked.reply(body=body)) as server,
        pytest.raises(ImageError) as refused,
    ):
        get_manifest(registry(server.at), "x", "latest")
    assert complaint in refused.value.what


def test_head_tells_the_digest_or_nothing(registry):
    def answer(asked):
        if "tells" in asked.path:
            asked.reply(body=INDEX, Docker_Content_Digest=digest_of(INDEX))
        else:
            asked.reply(404 if "missing" in asked.path else 200)

    with StrangeServer(answer) as server:
        client = registry(server.at)
        assert head_manifest(client, "x", "tells") == digest_of(INDEX)
        assert head_manifest(client, "x", "silent") is None
        assert head_manifest(client, "x", "missing") is None
    assert {asked.method for asked in server.asked} == {"HEAD"}


def test_errors_are_reported_in_the_registrys_words(registry):
    body = b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{}}]}'
    with (
        StrangeServer(lambda asked: asked.reply(404, body)) as server,
        pytest.raises(NotFound) as refused,
    ):
        get_manifest(registry(server.at), "x", "latest")
    assert "MANIFEST_UNKNOWN: manifest unknown" in str(refused.value)


@pytest.mark.parametrize("body", [b"", b"<html>Sorry", b'{"errors":7}', b'{"errors":[7]}', b"[]"])
def test_errors_without_words(registry, body):
    with (
        StrangeServer(lambda asked: asked.reply(403, body)) as server,
        pytest.raises(LoginNeeded) as refused,
    ):
        get_manifest(registry(server.at), "x", "latest")
    assert "403" in str(refused.value)


# -- blobs ---------------------------------------------------------------------


def test_a_blob_arrives_and_progress_is_told(registry, store):
    told = []
    with StrangeServer(lambda asked: asked.reply(body=BLOB)) as server:
        get_blob(
            registry(server.at), "x", descriptor_of(BLOB), store, lambda blob, at: told.append(at)
        )
    assert blob_path(store, digest_of(BLOB)).read_bytes() == BLOB
    assert told == sorted(told)
    assert told[-1] == len(BLOB)
    assert server.asked[0].headers["accept-encoding"] == "identity"


def test_an_empty_blob(registry, store):
    with StrangeServer(lambda asked: asked.reply()) as server:
        get_blob(registry(server.at), "x", descriptor_of(b""), store)
    assert has_blob(store, descriptor_of(b""))


def test_one_flipped_bit(registry, store):
    flipped = BLOB[:-1] + bytes([BLOB[-1] ^ 1])
    with (
        StrangeServer(lambda asked: asked.reply(body=flipped)) as server,
        pytest.raises(DigestMismatch),
    ):
        get_blob(registry(server.at), "x", descriptor_of(BLOB), store)
    assert not list((store.path / "blobs").glob("*/*"))
    assert leftovers(store) == [], "a wrong beginning must not be continued"


def leftovers(store):
    """The unfinished files that the next pull would continue."""
    return [path for path in (store.own / "unfinished").glob("*") if path.stat().st_size]


def test_an_endless_blob_is_left_at_once(registry, store):
    sent = []

    def answer(asked):
        asked.reply(length="none")
        for _ in range(1000):
            asked.handler.wfile.write(BLOB)
            sent.append(len(BLOB))

    with StrangeServer(answer) as server, pytest.raises(SizeMismatch):
        get_blob(registry(server.at), "x", descriptor_of(BLOB), store)
    assert sum(sent) < 100 * len(BLOB)
    assert not has_blob(store, descriptor_of(BLOB))


def cut_then_whole(first, second):
    """The first answer to each path is `first(asked)`, all later ones are `second(asked)`."""
    seen = set()

    def answer(asked):
        reply = second if asked.path in seen else first
        seen.add(asked.path)  # before the client can ask again
        reply(asked)

    return answer


def send_half(asked):
    """Half of the blob, then the connection breaks."""
    asked.reply(body=BLOB[: len(BLOB) // 2], length=len(BLOB))
    asked.handler.wfile.flush()
    asked.drop()


def send_range(asked):
    """What a Range request asks for."""
    first = int(asked.headers["range"].removeprefix("bytes=").rstrip("-"))
    content_range = f"bytes {first}-{len(BLOB) - 1}/{len(BLOB)}"
    asked.reply(206, BLOB[first:], Content_Range=content_range)


def test_a_dropped_connection_is_continued(registry, store):
    with StrangeServer(cut_then_whole(send_half, send_range)) as server:
        get_blob(registry(server.at), "x", descriptor_of(BLOB), store)
    assert server.asked[1].headers["range"] == f"bytes={len(BLOB) // 2}-"
    assert blob_path(store, digest_of(BLOB)).read_bytes() == BLOB


def test_a_body_that_ends_early_in_good_order_is_continued(registry, store):
    def half_in_chunks(asked):
        asked.reply(length="none", Transfer_Encoding="chunked")
        half = BLOB[: len(BLOB) // 2]
        asked.handler.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(half), half))

    with StrangeServer(cut_then_whole(half_in_chunks, send_range)) as server:
        get_blob(registry(server.at), "x", descriptor_of(BLOB), store)
    assert has_blob(store, descriptor_of(BLOB))


def test_200_instead_of_206_starts_over(registry, store):
    with StrangeServer(cut_then_whole(send_half, lambda asked: asked.reply(body=BLOB))) as server:
        get_blob(registry(server.at), "x", descriptor_of(BLOB), store)
    assert "range" in server.asked[1].headers
    assert blob_path(store, digest_of(BLOB)).read_bytes() == BLOB


@pytest.mark.parametrize("content_range", ["bytes 0-9/10", "bytes */10", ""])
def test_a_part_that_nobody_asked_for(registry, store, content_range):
    def wrong_part(asked):
        asked.reply(206, BLOB, Content_Range=content_range)

    with (
        StrangeServer(cut_then_whole(send_half, wrong_part)) as server,
        pytest.raises(BadAnswer),
    ):
        get_blob(registry(server.at), "x", descriptor_of(BLOB), store)


def test_a_server_that_always_breaks_off(registry, store):
    def drop_all(asked):
        asked.reply(body=b"x", length=len(BLOB))
        asked.drop()

    with StrangeServer(drop_all) as server, pytest.raises(RegistryError) as refused:
        get_blob(registry(server.at), "x", descriptor_of(BLOB), store)
    assert not isinstance(refused.value, ConnectionLost)
    assert "next pull continues" in refused.value.hint
    assert len(server.asked) == 4


def test_a_server_that_ends_each_answer_early_in_good_order(registry, store):
    def nothing_more(asked):
        asked.reply(length="none", Transfer_Encoding="chunked")
        asked.handler.wfile.write(b"0\r\n\r\n")

    with StrangeServer(nothing_more) as server, pytest.raises(RegistryError) as refused:
        get_blob(registry(server.at), "x", descriptor_of(BLOB), store)
    assert "ended after 0 of" in refused.value.what
    assert len(server.asked) == 4


def test_a_connection_that_breaks_before_any_answer_is_tried_again(registry, store):
    answer = cut_then_whole(lambda asked: asked.drop(), lambda asked: asked.reply(body=BLOB))
    with StrangeServer(answer):
        pass
    with StrangeServer(answer) as server:
        get_blob(registry(server.at), "x", descriptor_of(BLOB), store)
    assert len(server.asked) == 2


def test_a_body_that_stands_still_is_left(registry, store):
    session = Session(pauses=())
    session.read_seconds = 0.2

    def stall(asked):
        asked.reply(body=b"x", length=len(BLOB))
        left.wait(HANG)

    left = threading.Event()
    with StrangeServer(stall) as server:
        with pytest.raises(RegistryError) as refused:
            get_blob(registry(server.at, session=session), "x", descriptor_of(BLOB), store)
        left.set()
    assert "in time" in refused.value.what


def test_a_body_that_drips_is_left(registry, store):
    session = Session(pauses=())
    session.progress_seconds = 0.3

    def drip(asked):
        asked.reply(length=len(BLOB))
        for _ in range(2000):
            asked.handler.wfile.write(b"x")
            time.sleep(0.05)

    begin = time.monotonic()
    with StrangeServer(drip) as server, pytest.raises(RegistryError) as refused:
        get_blob(registry(server.at, session=session), "x", descriptor_of(BLOB), store)
    assert "slowly" in refused.value.what
    assert time.monotonic() - begin < HANG


def test_headers_that_drip_are_left(registry, monkeypatch):
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)

    def drip(asked):
        for _ in range(2000):
            asked.handler.wfile.write(b"X")
            time.sleep(0.05)

    begin = time.monotonic()
    with StrangeServer(drip) as server, pytest.raises(RegistryError):
        list_tags(registry(server.at, session=Session(pauses=())), "x")
    assert time.monotonic() - begin < HANG


# -- redirects -----------------------------------------------------------------


def test_the_token_is_not_sent_to_another_host(registry, store):
    with StrangeServer(lambda asked: asked.reply(body=BLOB)) as storage:
        moved = bearer_only(
            lambda asked: asked.reply(307, Location=f"http://{storage.at}/there?signature=1")
        )
        with StrangeServer(moved) as server:
            get_blob(registry(server.at), "x", descriptor_of(BLOB), store)
    assert has_blob(store, descriptor_of(BLOB))
    assert len(storage.asked) == 1
    assert "authorization" not in storage.asked[0].headers
    assert not any("T1" in str(value) for value in storage.asked[0].headers.values())


def test_range_goes_along_to_the_other_host(registry, store):
    def storage_answer(asked):
        (send_range if "range" in asked.headers else send_half)(asked)

    with StrangeServer(storage_answer) as storage:
        location = f"http://{storage.at}/there"
        with StrangeServer(lambda asked: asked.reply(302, Location=location)) as server:
            get_blob(registry(server.at), "x", descriptor_of(BLOB), store)
    assert has_blob(store, descriptor_of(BLOB))


def test_the_token_stays_on_the_same_host(registry):
    def answer(asked):
        if asked.path == "/elsewhere":
            asked.reply(body=b'{"tags":["a"]}')
        else:
            asked.reply(301, Location="/elsewhere")

    with StrangeServer(bearer_only(answer)) as server:
        assert list_tags(registry(server.at), "x") == ["a"]


def test_redirects_in_a_circle(registry):
    with (
        StrangeServer(lambda asked: asked.reply(302, Location=asked.path)) as server,
        pytest.raises(BadAnswer) as refused,
    ):
        list_tags(registry(server.at), "x")
    assert "redirects" in refused.value.what
    assert len(server.asked) == 11


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://", "http://[bad", "gopher:x"]
)
def test_redirects_to_what_is_no_http_address(registry, location):
    with (
        StrangeServer(lambda asked: asked.reply(302, Location=location)) as server,
        pytest.raises(BadAnswer),
    ):
        list_tags(registry(server.at), "x")


def test_a_redirect_to_plain_http_elsewhere_is_refused(registry):
    with (
        StrangeServer(
            lambda asked: asked.reply(302, Location="http://registry.example/x")
        ) as server,
        pytest.raises(NotReached) as refused,
    ):
        list_tags(registry(server.at), "x")
    assert "plain http" in refused.value.what


class ScriptedSession:
    """Answers without a network: address -> Location; any other address is the end."""

    def __init__(self, answers):
        self.answers, self.sent = answers, []

    def request(self, method, url, headers, stream, allow_redirects):
        assert stream and not allow_redirects
        self.sent.append((url, dict(headers)))
        response = requests.Response()
        response.status_code = 307 if url in self.answers else 200
        response.headers["Location"] = self.answers.get(url, "")
        response.raw = io.BytesIO()
        return response


def test_https_never_leads_to_http():
    session = ScriptedSession({"https://a.example/x": "http://a.example/x"})
    with pytest.raises(BadAnswer) as refused:
        follow_redirects(session, "GET", "https://a.example/x", {"Authorization": "T"})
    assert "https to http" in refused.value.what
    assert len(session.sent) == 1


@pytest.mark.parametrize(
    ("target", "keeps_it"),
    [
        ("https://a.example/y", True),
        ("https://a.example:443/y", True),
        ("/y", True),
        ("https://a.example:8443/y", False),
        ("https://evil-a.example/y", False),
        ("https://a.example.evil/y", False),
        ("https://a.example@evil.example/y", False),
        ("//evil.example/y", False),
    ],
)
def test_who_gets_the_token(target, keeps_it):
    session = ScriptedSession({"https://a.example/x": target})
    follow_redirects(session, "GET", "https://a.example/x", {"Authorization": "T", "Range": "r"})
    assert ("Authorization" in session.sent[1][1]) == keeps_it
    assert session.sent[1][1]["Range"] == "r"


def test_a_token_lost_on_the_way_stays_lost():
    session = ScriptedSession(
        {
            "https://a.example/x": "https://b.example/",
            "https://b.example/": "https://a.example/y",
        }
    )
    follow_redirects(session, "GET", "https://a.example/x", {"Authorization": "T"})
    assert [("Authorization" in headers) for _, headers in session.sent] == [True, False, False]


# -- patience ------------------------------------------------------------------


def test_429_and_5xx_are_tried_again(registry):
    answers = iter([429, 503, 500, 200])
    with StrangeServer(lambda asked: asked.reply(next(answers), b'{"tags":[]}')) as server:
        assert list_tags(registry(server.at), "x") == []


def test_retry_after_is_kept(registry):
    answers = iter([429, 200])

    def answer(asked):
        asked.reply(next(answers), b'{"tags":[]}', Retry_After="1")

    begin = time.monotonic()
    with StrangeServer(answer) as server:
        list_tags(registry(server.at), "x")
    assert time.monotonic() - begin > 0.9


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 7),
        ("", 7),
        ("0", 0),
        ("12", 12),
        ("-3", 0),
        ("100000", LONGEST_PAUSE),
        ("inf", LONGEST_PAUSE),
        ("nan", 7),
        ("tomorrow", 7),
        (formatdate(0, usegmt=True), 0),
        (formatdate(10**10, usegmt=True), LONGEST_PAUSE),
    ],
)
def test_what_retry_after_means(header, seconds):
    assert wanted_pause(header, 7) == seconds


def test_an_error_that_stays_is_reported(registry):
    with (
        StrangeServer(lambda asked: asked.reply(503, b"")) as server,
        pytest.raises(StatusError) as refused,
    ):
        list_tags(registry(server.at), "x")
    assert refused.value.status == 503
    assert len(server.asked) == 4


def test_404_is_not_tried_again(registry):
    with StrangeServer(lambda asked: asked.reply(404)) as server, pytest.raises(NotFound):
        list_tags(registry(server.at), "x")
    assert len(server.asked) == 1


# -- nobody there, no common language --------------------------------------------


def test_connection_refused(registry):
    with StrangeServer(lambda asked: None) as server:
        pass
    with pytest.raises(NotReached) as refused:
        list_tags(registry(server.at), "x")
    assert refused.value.what == "connection refused"
    assert server.at in refused.value.where


def test_a_host_that_does_not_exist(registry):
    with pytest.raises(NotReached) as refused:
        list_tags(registry("registry.invalid", session=Session(pauses=())), "x")
    assert "registry.invalid" in str(refused.value)


def test_tls_to_a_plain_server(registry):
    with StrangeServer(lambda asked: asked.reply()) as server, pytest.raises(NotReached) as refused:
        list_tags(registry(server.at, plain_http=False), "x")
    assert "TLS" in refused.value.what
    assert "--plain-http" in refused.value.hint


@pytest.mark.parametrize(
    ("host", "plain", "address"),
    [
        ("localhost:5000", None, "http://localhost:5000"),
        ("127.0.0.1", None, "http://127.0.0.1"),
        ("127.8.9.1:80", None, "http://127.8.9.1:80"),
        ("[::1]:5000", None, "http://[::1]:5000"),
        ("localhost.evil.example", None, "https://localhost.evil.example"),
        ("127.0.0.1.evil.example", None, "https://127.0.0.1.evil.example"),
        ("registry.example:5000", None, "https://registry.example:5000"),
        ("10.0.0.1:5000", None, "https://10.0.0.1:5000"),
        ("registry.example:5000", True, "http://registry.example:5000"),
        ("localhost:5000", False, "https://localhost:5000"),
    ],
)
def test_plain_http_is_for_this_machine_only(host, plain, address):
    assert Registry(host, plain_http=plain).address == address


def test_a_token_service_elsewhere_needs_https(registry):
    def answer(asked):
        asked.reply(401, WWW_Authenticate='Bearer realm="http://tokens.example/token"')

    with StrangeServer(answer) as server, pytest.raises(NotReached) as refused:
        list_tags(registry(server.at), "x")
    assert "plain http" in refused.value.what


def proxy_for(url):
    """The proxy that a session asks for `url`."""
    settings = Session().merge_environment_settings(url, {}, True, None, None)
    return select_proxy(url, settings["proxies"])


def test_proxies_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("https_proxy", "proxy.example:3128")
    monkeypatch.setenv("http_proxy", "proxy.example:3128")
    monkeypatch.setenv("no_proxy", "inside.example")
    assert proxy_for("https://registry.example/v2/") == "proxy.example:3128"
    assert proxy_for("https://inside.example/v2/") is None
    for host in ("127.0.0.1:5000", "localhost", "[::1]:5000", "127.8.9.1"):
        assert proxy_for(f"http://{host}/v2/") is None


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "ftp://127.0.0.1:1", "http://"])
def test_a_proxy_of_another_kind(registry, monkeypatch, proxy):
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(NotReached) as refused:
        list_tags(registry("registry.example"), "x")
    assert "prox" in refused.value.what


def test_a_proxy_that_is_not_there(registry, monkeypatch):
    with StrangeServer(lambda asked: None) as server:
        pass
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://{server.at}")
    for plain in (True, False):
        with pytest.raises(NotReached) as refused:
            session = Session(plain_http=plain)
            list_tags(registry("registry.example", plain_http=plain, session=session), "x")
        assert refused.value.what == "the proxy can't be reached"


def test_a_proxy_is_used(registry, monkeypatch):
    with StrangeServer(lambda asked: asked.reply(body=b'{"tags":["by proxy"]}')) as proxy:
        monkeypatch.setenv("http_proxy", f"http://eve:secret@{proxy.at}")
        client = registry(
            "registry.example", plain_http=True, session=Session(plain_http=True, pauses=())
        )
        assert list_tags(client, "x") == ["by proxy"]
    assert proxy.asked[0].path == "http://registry.example/v2/x/tags/list"
    assert proxy.asked[0].headers["proxy-authorization"].startswith("Basic ")


def test_a_certificate_file_that_is_not_there(registry, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    with pytest.raises(NotReached) as refused:
        list_tags(registry("localhost:1", plain_http=False), "x")
    assert refused.value.where == "/nowhere/ca.pem"


def test_netrc_is_left_alone(registry, tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login eve password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    with StrangeServer(lambda asked: asked.reply(body=b'{"tags":[]}')) as server:
        list_tags(registry(server.at), "x")
    assert "authorization" not in server.asked[0].headers


def test_cookies_are_not_kept(registry):
    with StrangeServer(lambda asked: asked.reply(body=b'{"tags":[]}', Set_Cookie="a=b")) as server:
        client = registry(server.at)
        list_tags(client, "x")
        list_tags(client, "x")
    assert "cookie" not in server.asked[1].headers


SIGNED = [
    "/a%2fb%2Fc?X-Sig=%2f%7e[1]&x='\"!",
    "/plain?credential=AKIA/20260101/us-east-1&a=b+c%20d",
    "/?a=%zz%",
    "/double//slash",
]


@pytest.mark.parametrize("target", SIGNED)
def test_a_signed_address_goes_out_as_it_came(registry, store, target):
    with StrangeServer(lambda asked: asked.reply(body=BLOB)) as storage:
        location = f"http://{storage.at}{target}"
        with StrangeServer(lambda asked: asked.reply(307, Location=location)) as server:
            get_blob(registry(server.at), "x", descriptor_of(BLOB), store)
    assert storage.paths == [target]


def test_a_signed_address_goes_through_a_proxy_as_it_came(monkeypatch):
    address = "http://storage.example/a%2fb?X=%2f[1]"
    with StrangeServer(lambda asked: asked.reply()) as proxy:
        monkeypatch.setenv("http_proxy", f"http://{proxy.at}")
        with Session(plain_http=True) as session:
            session.get(f"{address}#part", allow_redirects=False)
    assert proxy.paths == [address]


@pytest.mark.parametrize(("query", "sent"), [("a b", "a%20b"), ("ü", "%C3%BC"), ("a\tb", "a%09b")])
def test_what_no_address_may_hold_is_written_anew(query, sent):
    with StrangeServer(lambda asked: asked.reply()) as server, Session() as session:
        session.get(f"http://{server.at}/x?{query}")
    assert server.paths == [f"/x?{sent}"]


def test_parameters_are_part_of_the_address():
    with StrangeServer(lambda asked: asked.reply(body=b"{}")) as server, Session() as session:
        assert session.get(f"http://{server.at}/x", params={"n": 3}).json() == {}
    assert server.paths == ["/x?n=3"]


def test_a_backslash_in_the_place_of_the_host_is_refused():
    for url in ("https://evil.example\\@a.example/", "https://a.example\\.evil.example/"):
        with pytest.raises(BadAnswer):
            origin(url)


# -- what --explain shows --------------------------------------------------------


def test_requests_are_told_as_curl_without_the_token(registry, monkeypatch):
    told = []
    monkeypatch.setattr(explain, "listener", told.append)
    with StrangeServer(bearer_only(lambda asked: asked.reply(body=b'{"tags":[]}'))) as server:
        list_tags(registry(server.at), "x")
        address = f"http://{server.at}/v2/x/tags/list"
    requests = [event["text"] for event in told if event["kind"] == "request"]
    assert requests[0] == f"curl -s {address}"
    assert requests[2] == f'curl -s -H "Authorization: Bearer $TOKEN" {address}'
    assert not any("T1" in text for text in requests)
    answers = [event for event in told if event["kind"] == "response"]
    assert [event["text"][:3] for event in answers] == ["401", "200", "200"]
    assert all(event["seconds"] >= 0 for event in answers)

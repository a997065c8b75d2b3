"""The kit's own registry: the specification's read side, tokens, and no way out of it."""

import base64
import contextlib
import http.client
import json
import socket
import threading
import time
import urllib.parse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minicontainer.lib.http_errors import LoginNeeded, NotFound
from minicontainer.registry.image_builder import write_document
from minicontainer.registry.server import BadPort, PortInUse, running_registry, serve
from minicontainer.registry.token_service import Settings, TokenService
from minicontainer.step03_image.blobs import write_blob
from minicontainer.step03_image.layout import blob_path, create_layout, references, tag
from minicontainer.step03_image.spec import OCI_MANIFEST
from minicontainer.step04_registry.client import Registry, get_manifest, list_tags
from tests.waiting import HANG

OPEN = Settings(authentication="none")


def ask(at, path, method="GET", headers=None, body=None):
    """Status, headers and body of one request."""
    connection = http.client.HTTPConnection(at, timeout=10)
    with contextlib.closing(connection):
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def token_for(at, repository):
    scope = urllib.parse.quote(f"repository:{repository}:pull")
    _, _, body = ask(at, f"/token?service={at}&scope={scope}")
    return {"Authorization": f"Bearer {json.loads(body)['token']}"}


@pytest.fixture(scope="module")
def open_at(images):
    """A registry that asks for no token."""
    with running_registry(images, OPEN) as at:
        yield at


@pytest.fixture(scope="module")
def hello(images):
    return references(images)["docker.io/workshop/hello:latest"]


def code_of(body):
    return json.loads(body)["errors"][0]["code"]


# -- documents and blobs ---------------------------------------------------------


def test_the_base(open_at):
    status, headers, body = ask(open_at, "/v2/")
    assert (status, body) == (200, b"{}")
    assert headers["Docker-Distribution-API-Version"] == "registry/2.0"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_manifest_by_tag_and_by_digest(open_at, images, hello, method):
    for reference in ("latest", hello["digest"]):
        status, headers, body = ask(open_at, f"/v2/workshop/hello/manifests/{reference}", method)
        assert status == 200
        assert headers["Content-Type"] == hello["mediaType"]
        assert headers["Docker-Content-Digest"] == hello["digest"]
        assert headers["Content-Length"] == str(hello["size"])
        content = blob_path(images, hello["digest"]).read_bytes()
        assert body == (content if method == "GET" else b"")


def test_a_blob_whole_and_in_part(open_at, images):
    digest, path = a_layer(images)
    content = blob_path(images, digest).read_bytes()
    status, headers, body = ask(open_at, path)
    assert (status, body) == (200, content)
    assert headers["Docker-Content-Digest"] == digest
    assert headers["Accept-Ranges"] == "bytes"
    status, headers, body = ask(open_at, path, headers={"Range": "bytes=10-19"})
    assert (status, body) == (206, content[10:20])
    assert headers["Content-Range"] == f"bytes 10-19/{len(content)}"
    status, headers, body = ask(open_at, path, headers={"Range": f"bytes={len(content) - 5}-"})
    assert (status, body) == (206, content[-5:])
    status, headers, body = ask(open_at, path, headers={"Range": f"bytes={len(content)}-"})
    assert status == 416
    assert headers["Content-Range"] == f"bytes */{len(content)}"
    status, headers, body = ask(open_at, path, "HEAD")
    assert (status, headers["Content-Length"], body) == (200, str(len(content)), b"")
    other = {"Range": "bytes=10-19", "If-Range": '"another"'}
    assert ask(open_at, path, headers=other)[0] == 200
    assert ask(open_at, path, headers={"Range": "bytes=0-1,3-4"})[0] == 200


def a_layer(images):
    """Digest and path of the shell image's first layer."""
    top = references(images)["docker.io/workshop/shell:latest"]
    manifest = json.loads(blob_path(images, top["digest"]).read_bytes())
    digest = manifest["layers"][0]["digest"]
    return digest, f"/v2/workshop/shell/blobs/{digest}"


def test_not_modified(open_at, hello):
    headers = {"If-None-Match": f'"{hello["digest"]}"'}
    status, _, body = ask(open_at, "/v2/workshop/hello/manifests/latest", headers=headers)
    assert (status, body) == (304, b"")


def test_one_connection_serves_many_requests(open_at):
    connection = http.client.HTTPConnection(open_at, timeout=10)
    with contextlib.closing(connection):
        for path, method in [("/v2/", "GET"), ("/v2/nope", "HEAD"), ("/v2/", "HEAD")] * 3:
            connection.request(method, path)
            connection.getresponse().read()
            local = connection.sock.getsockname()
        assert connection.sock.getsockname() == local


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v2/workshop/hello/manifests/nope", 404, "MANIFEST_UNKNOWN"),
        ("/v2/workshop/hello/manifests/sha256:" + "0" * 64, 404, "MANIFEST_UNKNOWN"),
        ("/v2/workshop/hello/manifests/sha256:xyz", 400, "MANIFEST_INVALID"),
        ("/v2/workshop/hello/manifests/.hidden", 400, "MANIFEST_INVALID"),
        ("/v2/workshop/hello/blobs/sha256:" + "0" * 64, 404, "BLOB_UNKNOWN"),
        ("/v2/workshop/hello/blobs/latest", 400, "DIGEST_INVALID"),
        ("/v2/workshop/hello/blobs/sha256:..%2f..%2f" + "0" * 50, 404, "UNSUPPORTED"),
        ("/v2/workshop/nope/tags/list", 404, "NAME_UNKNOWN"),
        ("/v2/workshop/nope/manifests/latest", 404, "NAME_UNKNOWN"),
        ("/v2/Upper/manifests/latest", 400, "NAME_INVALID"),
        ("/v2/../../etc/manifests/passwd", 400, "NAME_INVALID"),
        ("/v2/%2e%2e/manifests/passwd", 400, "NAME_INVALID"),
        ("/v2/a%00b/tags/list", 400, "NAME_INVALID"),
        ("/v2/workshop/hello/tags/other", 404, "UNSUPPORTED"),
        ("/v2/workshop/hello", 404, "UNSUPPORTED"),
        ("/etc/passwd", 404, "UNSUPPORTED"),
    ],
)
def test_errors(open_at, path, status, code):
    found, headers, body = ask(open_at, path)
    assert (found, code_of(body)) == (status, code)
    assert headers["Content-Type"] == "application/json"
    assert ask(open_at, path, "HEAD")[0] == status


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_push_is_refused(open_at, method):
    status, _, body = ask(open_at, "/v2/workshop/hello/blobs/uploads/", method, body=b"x" * 100)
    assert (status, code_of(body)) == (405, "UNSUPPORTED")


def test_a_repository_gives_only_its_own_blobs(open_at, images):
    digest, _ = a_layer(images)
    status, _, body = ask(open_at, f"/v2/workshop/hello/blobs/{digest}")
    assert (status, code_of(body)) == (404, "BLOB_UNKNOWN")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [*"/.%2eabcn?&=:@ \\\0éA", "v2/", "/blobs/", "/manifests/", "/tags/", ".."]
        ),
        max_size=30,
    ).map("".join)
)
def test_no_path_leads_out_or_breaks_anything(open_at, path):
    path = "/v2/" + urllib.parse.quote(path, safe="/.%?&=:@")
    status, _, body = ask(open_at, path)
    assert status in (200, 400, 404, 416)
    assert b"imageLayoutVersion" not in body
    assert b"root:" not in body


def test_nonsense_instead_of_http(open_at):
    for nonsense in (b"\0\1\2\r\n\r\n", b"GET /v2/ HTTP/9.9\r\n\r\n", b"G" * 70000):
        connection = socket.create_connection(split(open_at), 5)
        with connection, contextlib.suppress(OSError):
            connection.sendall(nonsense)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1000)
    assert ask(open_at, "/v2/")[0] == 200


def split(at):
    host, _, port = at.partition(":")
    return host, int(port)


def test_a_body_that_nobody_asked_for_is_no_request(open_at):
    hidden = b"GET /v2/_catalog HTTP/1.1\r\nHost: x\r\n\r\n"
    head = f"GET /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: {len(hidden)}\r\n\r\n".encode()
    with socket.create_connection(split(open_at), 5) as connection:
        connection.sendall(head + hidden)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.count(b"HTTP/1.1") == 1


def test_a_broken_index_is_an_error_with_words(tmp_path):
    layout = create_layout(tmp_path / "layout")
    layout.index_file.write_text("{")
    with running_registry(layout, OPEN) as at:
        status, _, body = ask(at, "/v2/a/b/tags/list")
    assert (status, code_of(body)) == (500, "UNKNOWN")


# -- lists -----------------------------------------------------------------------


def tags_and_link(at, path):
    _, headers, body = ask(at, path)
    return json.loads(body)["tags"], headers["Link"]


def test_the_tags(open_at):
    assert tags_and_link(open_at, "/v2/workshop/web/tags/list") == (["1.0", "1.1"], None)


def test_tags_in_pages(open_at):
    link = '</v2/workshop/web/tags/list?n=1&last=1.0>; rel="next"'
    assert tags_and_link(open_at, "/v2/workshop/web/tags/list?n=1") == (["1.0"], link)
    assert tags_and_link(open_at, "/v2/workshop/web/tags/list?n=1&last=1.0") == (["1.1"], None)
    assert tags_and_link(open_at, "/v2/workshop/web/tags/list?last=1.0") == (["1.1"], None)
    assert tags_and_link(open_at, "/v2/workshop/web/tags/list?last=9") == ([], None)
    assert tags_and_link(open_at, "/v2/workshop/web/tags/list?n=0") == ([], None)
    assert ask(open_at, "/v2/workshop/web/tags/list?n=x")[0] == 400
    assert ask(open_at, "/v2/workshop/web/tags/list?n=-1")[0] == 400


def test_our_client_reads_all_pages(tmp_path, registry):
    layout = create_layout(tmp_path / "many")
    descriptor = an_image(layout)
    names = [f"v{number}" for number in range(25)]
    for name in names:
        tag(layout, f"docker.io/a/b:{name}", descriptor)
    with running_registry(layout) as at:
        assert list_tags(registry(at), "a/b") == sorted(names)


def an_image(layout, **more):
    """A small manifest in `layout`; gives its descriptor."""
    config = write_document(layout, {"os": "linux"}, "application/vnd.oci.empty.v1+json")
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}
    return write_document(layout, {**manifest, **more}, OCI_MANIFEST)


def test_the_catalog(open_at):
    _, headers, body = ask(open_at, "/v2/_catalog?n=2")
    assert json.loads(body) == {"repositories": ["workshop/hello", "workshop/shell"]}
    assert headers["Link"] == '</v2/_catalog?n=2&last=workshop%2Fshell>; rel="next"'


def test_referrers(tmp_path):
    layout = create_layout(tmp_path / "layout")
    subject = an_image(layout)
    about = an_image(layout, subject=subject, artifactType="text/x-note", annotations={"a": "b"})
    tag(layout, "docker.io/a/b:1", subject)
    tag(layout, "docker.io/a/b:note", about)
    path = f"/v2/a/b/referrers/{subject['digest']}"
    with running_registry(layout, OPEN) as at:
        index = json.loads(ask(at, path)[2])
        assert index["manifests"] == [
            {**about, "artifactType": "text/x-note", "annotations": {"a": "b"}}
        ]
        _, headers, body = ask(at, f"{path}?artifactType=other")
        assert json.loads(body)["manifests"] == []
        assert headers["OCI-Filters-Applied"] == "artifactType"
        assert json.loads(ask(at, f"/v2/a/b/referrers/sha256:{'0' * 64}")[2])["manifests"] == []


def test_a_new_tag_is_seen_and_a_pruned_blob_is_missed(tmp_path):
    layout = create_layout(tmp_path / "layout")
    with running_registry(layout, OPEN) as at:
        assert ask(at, "/v2/a/b/tags/list")[0] == 404
        descriptor = an_image(layout)
        tag(layout, "docker.io/a/b:1", descriptor)
        assert ask(at, "/v2/a/b/manifests/1")[0] == 200
        blob_path(layout, descriptor["digest"]).unlink()
        assert ask(at, "/v2/a/b/manifests/1")[0] == 404


def test_a_layout_of_other_tools(tmp_path):
    layout = create_layout(tmp_path / "tools")
    tag(layout, "1.0", an_image(layout))
    broken = write_blob(layout, b"{", OCI_MANIFEST)
    tag(layout, "broken", broken)
    tag(layout, "not a name", broken)
    with running_registry(layout, OPEN) as at:
        assert tags_and_link(at, "/v2/tools/tags/list")[0] == ["1.0", "broken"]
        assert ask(at, "/v2/tools/manifests/broken")[0] == 200


# -- tokens ------------------------------------------------------------------------


def test_without_a_token_there_is_a_challenge_for_this_very_address(registry_at):
    status, headers, body = ask(registry_at, "/v2/workshop/hello/tags/list")
    assert (status, code_of(body)) == (401, "UNAUTHORIZED")
    assert headers["WWW-Authenticate"] == (
        f'Bearer realm="http://{registry_at}/token",service="{registry_at}",'
        'scope="repository:workshop/hello:pull"'
    )
    by_name = registry_at.replace("127.0.0.1", "localhost")
    headers = ask(registry_at, "/v2/", headers={"Host": by_name})[1]
    assert f'realm="http://{by_name}/token"' in headers["WWW-Authenticate"]
    headers = ask(registry_at, "/v2/", headers={"Host": 'evil.example"'})[1]
    assert "evil" not in headers["WWW-Authenticate"]


def test_a_token_opens_its_own_repository_only(registry_at):
    token = token_for(registry_at, "workshop/hello")
    assert ask(registry_at, "/v2/", headers=token)[0] == 200
    assert ask(registry_at, "/v2/workshop/hello/tags/list", headers=token)[0] == 200
    assert ask(registry_at, "/v2/workshop/web/tags/list", headers=token)[0] == 401


@pytest.mark.parametrize("header", ["Bearer", "Bearer x.y", "Bearer .", "Basic eDp5", "Bearer é.é"])
def test_what_is_no_token(registry_at, header):
    headers = {"Authorization": header.encode("latin-1")}
    assert ask(registry_at, "/v2/", headers=headers)[0] == 401


def test_a_forged_or_old_token():
    service = TokenService(Settings())
    good = service.issue("", ["repository:a:pull"])["token"]
    assert service.claims(f"Bearer {good}")["access"] == ["repository:a:pull"]
    body, _, signature = good.partition(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["access"] = ["repository:private/x:pull"]
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    assert service.claims(f"Bearer {forged}.{signature}") is None
    assert TokenService(Settings()).claims(f"Bearer {good}") is None
    old = TokenService(Settings(token_seconds=0))
    token = old.issue("", [])["token"]
    time.sleep(0.01)
    assert old.claims(f"Bearer {token}") is None


PRIVATE = Settings(
    users={"eve": "pass:word"}, private=("private/",), identity_tokens={"IDENTITY": "eve"}
)


@pytest.fixture
def private_at(tmp_path):
    layout = create_layout(tmp_path / "layout")
    descriptor = an_image(layout)
    tag(layout, "docker.io/private/x:1", descriptor)
    tag(layout, "docker.io/public/x:1", descriptor)
    with running_registry(layout, PRIVATE) as at:
        yield at


def login(name, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def test_a_private_repository_needs_a_login(private_at, registry):
    assert list_tags(registry(private_at), "public/x") == ["1"]
    with pytest.raises(LoginNeeded):
        list_tags(registry(private_at), "private/x")
    with pytest.raises(LoginNeeded):
        list_tags(registry(private_at), "private/does-not-exist")
    catalog = ask(private_at, "/v2/_catalog", headers=token_for(private_at, "public/x"))[2]
    assert json.loads(catalog)["repositories"] == ["public/x"]
    path = "/token?scope=repository:private/x:pull,push"
    answer = json.loads(ask(private_at, path, headers=login("eve", "pass:word"))[2])
    token = {"Authorization": f"Bearer {answer['token']}"}
    assert ask(private_at, "/v2/private/x/tags/list", headers=token)[0] == 200
    for wrong in (login("eve", "pass"), login("adam", ""), {"Authorization": "Basic !"}):
        assert ask(private_at, path, headers=wrong)[0] == 401


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"grant_type": "refresh_token", "refresh_token": "IDENTITY"}, 200),
        ({"grant_type": "password", "username": "eve", "password": "pass:word"}, 200),
        ({"grant_type": "refresh_token", "refresh_token": "other"}, 401),
        ({"grant_type": "password", "username": "eve", "password": "pass"}, 401),
        ({}, 401),
    ],
)
def test_tokens_by_form(private_at, form, status):
    body = urllib.parse.urlencode({"scope": "repository:private/x:pull", **form})
    found, _, content = ask(private_at, "/token", "POST", body=body)
    assert found == status
    if status == 200:
        token = {"Authorization": f"Bearer {json.loads(content)['access_token']}"}
        assert ask(private_at, "/v2/private/x/tags/list", headers=token)[0] == 200


def test_a_form_too_large(private_at):
    assert ask(private_at, "/token", "POST", {"Content-Length": "9999999"})[0] == 400


def test_basic_instead_of_tokens(tmp_path, registry):
    layout = create_layout(tmp_path / "layout")
    tag(layout, "docker.io/private/x:1", an_image(layout))
    tag(layout, "docker.io/public/x:1", an_image(layout))
    basic = Settings(authentication="basic", users={"eve": "s"}, private=("private/",))
    with running_registry(layout, basic) as at:
        assert ask(at, "/v2/")[1]["WWW-Authenticate"].startswith("Basic ")
        assert ask(at, "/v2/public/x/tags/list")[0] == 200
        assert ask(at, "/v2/private/x/tags/list")[0] == 401
        assert ask(at, "/v2/private/x/tags/list", headers=login("eve", "s"))[0] == 200
        assert ask(at, "/v2/private/x/tags/list", headers=login("eve", "t"))[0] == 401


# -- starting and stopping -----------------------------------------------------------


def test_all_threads_end_with_it_also_of_open_connections(images):
    before = set(threading.enumerate())
    begin = time.monotonic()
    with running_registry(images) as at:
        idle = http.client.HTTPConnection(at, timeout=2 * HANG)
        idle.request("GET", "/v2/")
        idle.getresponse().read()
        silent = socket.create_connection(split(at))
    assert set(threading.enumerate()) <= before
    assert time.monotonic() - begin < HANG
    idle.close()
    silent.close()
    with pytest.raises(OSError):
        socket.create_connection(split(at), 1)


def test_it_listens_on_this_machine_only(images):
    with running_registry(images) as at:
        assert at.startswith("127.0.0.1:")


def test_a_port_in_use(images):
    with running_registry(images) as at, pytest.raises(PortInUse) as refused:
        serve(images, split(at)[1])
    assert at.partition(":")[2] in refused.value.where


@pytest.mark.parametrize("port", [-1, 65536, 99999])
def test_no_port_at_all(images, port):
    with pytest.raises(BadPort) as refused:
        serve(images, port)
    assert str(port) in refused.value.where


def test_each_request_can_be_logged(images):
    lines = []
    with running_registry(images, Settings(authentication="none", log=lines.append)) as at:
        ask(at, "/v2/nope")
    assert lines == ["GET /v2/nope 404"]


def test_missing_things_as_our_client_sees_them(registry_at, registry):
    client = registry(registry_at)
    with pytest.raises(NotFound) as refused:
        get_manifest(client, "workshop/hello", "nope")
    assert "MANIFEST_UNKNOWN" in refused.value.what
    with pytest.raises(NotFound) as refused:
        list_tags(client, "workshop/nosuch")
    assert "on offer: workshop/hello, workshop/shell, workshop/web" in refused.value.what
    assert isinstance(client, Registry)


def test_it_ends_where_no_connection_can_wake_it(tmp_path, monkeypatch):
    """As in a network namespace whose loopback device is down."""

    def unreachable(*_: object) -> None:
        raise OSError(101, "Network is unreachable")

    before = set(threading.enumerate())
    with running_registry(create_layout(tmp_path / "layout")):
        its_own = set(threading.enumerate()) - before
        monkeypatch.setattr(socket, "create_connection", unreachable)
    assert its_own and not its_own & set(threading.enumerate())

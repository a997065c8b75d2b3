"""The answer to a challenge, against the kit's own registry with private repositories."""

import base64
import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from minicontainer import explain
from minicontainer.lib.http_errors import LoginNeeded, NotFound
from minicontainer.lib.session import Session
from minicontainer.registry.embedded import make_hello
from minicontainer.registry.server import running_registry
from minicontainer.registry.token_service import Settings
from minicontainer.step03_image.layout import create_layout, tag
from minicontainer.step04_registry.challenge import Challenge
from minicontainer.step04_registry.client import Registry, get_manifest
from minicontainer.step04_registry.token import Credentials
from minicontainer.step05_auth.authorize import authorize, authorizer
from minicontainer.step05_auth.keychain import credentials_for
from tests.programs import needs
from tests.step05_auth.conftest import entry
from tests.waiting import until

USERS = {"ann": "pass:word:with:colons", "bob": "bob"}
BASIC = Challenge("basic", {"realm": "x"})


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    layout = create_layout(tmp_path_factory.mktemp("auth") / "layout")
    tag(layout, "docker.io/workshop/hello:latest", make_hello(layout))
    return layout


def registry(layout, authentication="bearer"):
    settings = Settings(
        authentication, USERS, private=("workshop/",), identity_tokens={"identity": "ann"}
    )
    return running_registry(layout, settings)


def pull(host, files):
    client = Registry(host, authorize=authorizer(host, files))
    try:
        return get_manifest(client, "workshop/hello", "latest")
    finally:
        client.close()


@pytest.mark.parametrize("authentication", ["bearer", "basic"])
@pytest.mark.parametrize("user", USERS)
def test_a_private_repository_with_a_login(layout, auth_file, authentication, user):
    with registry(layout, authentication) as host:
        file = auth_file({"auths": {f"{host}/workshop": entry(user, USERS[user])}})
        descriptor, content = pull(host, [file])
    assert descriptor["size"] == len(content)


@pytest.mark.parametrize("authentication", ["bearer", "basic"])
def test_a_private_repository_without_a_login(layout, auth_file, authentication):
    with registry(layout, authentication) as host, pytest.raises(LoginNeeded):
        pull(host, [auth_file("{}")])


@pytest.mark.parametrize("authentication", ["bearer", "basic"])
def test_a_wrong_password_is_refused_and_not_shown(layout, auth_file, authentication):
    with registry(layout, authentication) as host:
        file = auth_file({"auths": {host: entry("ann", "hunter2")}})
        with pytest.raises(LoginNeeded) as raised:
            pull(host, [file])
    assert "hunter2" not in str(raised.value)


def test_what_everybody_may_pull_needs_no_login(layout, auth_file):
    with running_registry(layout) as host:
        assert pull(host, [auth_file("{}")])
        assert pull(host, [auth_file({"credsStore": "not-installed"})])


def test_an_identity_token_buys_a_token(layout, auth_file):
    auths = {**entry("<token>", ""), "identitytoken": "identity"}
    with registry(layout) as host:
        assert pull(host, [auth_file({"auths": {host: auths}})])
        with pytest.raises(LoginNeeded):
            pull(host, [auth_file({"auths": {host: {**auths, "identitytoken": "forged"}}})])


def test_a_helper_gives_the_login(layout, auth_file, helper):
    answer = json.dumps({"Username": "ann", "Secret": USERS["ann"]})
    helper("ours", f"print({answer!r})")
    with registry(layout) as host:
        assert pull(host, [auth_file({"credHelpers": {host: "ours"}})])


def test_no_event_tells_a_secret(layout, auth_file):
    events = []
    explain.listener = events.append
    try:
        with registry(layout) as host:
            pull(host, [auth_file({"auths": {host: entry("ann", USERS["ann"])}})])
    finally:
        explain.listener = None
    told = str(events)
    assert "$LOGIN" in told
    assert "the login for" in told
    packed = base64.b64encode(f"ann:{USERS['ann']}".encode()).decode()
    assert USERS["ann"] not in told
    assert packed not in told


# authorize alone


def test_basic():
    answer = authorize([BASIC], "x", Session(), Credentials("u", "p:q"))
    assert answer == f"Basic {base64.b64encode(b'u:p:q').decode()}"


def test_bearer_is_taken_before_basic(layout):
    with registry(layout) as host:
        bearer = Challenge("bearer", {"realm": f"http://{host}/token", "service": host})
        for order in ([BASIC, bearer], [bearer, BASIC]):
            answer = authorize(order, "workshop/hello", Session(), Credentials("bob", "bob"))
            assert answer.startswith("Bearer ey")


@pytest.mark.parametrize(
    ("challenges", "credentials", "why"),
    [
        ([BASIC], None, "the registry wants a login"),
        ([BASIC], Credentials("<token>", "", "identity"), "wants a password"),
        ([Challenge("negotiate", {})], Credentials("u", "p"), "asks for negotiate"),
        ([], Credentials("u", "p"), "asks for nothing"),
    ],
)
def test_when_there_is_no_answer(challenges, credentials, why):
    with pytest.raises(LoginNeeded, match=why) as raised:
        authorize(challenges, "team/app", Session(), credentials)
    assert "identity" not in str(raised.value)


# what others write


def login(host, file, *command):
    done = subprocess.run(
        [
            *command,
            "--tls-verify=false",
            f"--authfile={file}",
            "-u",
            "ann",
            "--password-stdin",
            host,
        ],
        input=USERS["ann"],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "XDG_RUNTIME_DIR": os.path.dirname(file)},
    )
    assert done.returncode == 0, done.stderr


@needs("skopeo")
@pytest.mark.parametrize("authentication", ["bearer", "basic"])
def test_what_skopeo_login_writes(layout, tmp_path, authentication):
    file = str(tmp_path / "auth.json")
    with registry(layout, authentication) as host:
        login(host, file, "skopeo", "login")
        assert credentials_for(host, "any", [file]) == Credentials("ann", USERS["ann"])
        assert pull(host, [file])


@needs("podman")
def test_what_podman_login_writes_for_a_namespace(layout, tmp_path):
    file = str(tmp_path / "auth.json")
    with registry(layout) as host:
        login(f"{host}/workshop", file, "podman", "login")
        written = json.loads(Path(file).read_text())
        assert list(written["auths"]) == [f"{host}/workshop"]
        assert pull(host, [file])
        assert credentials_for(host, "other/app", [file]) is None


@needs("skopeo")
def test_skopeo_takes_the_same_login_from_our_file(layout, auth_file):
    with registry(layout) as host:
        auths = {
            host: entry("nobody", "wrong"),
            f"{host}/workshop": entry("nobody", "wrong"),
            f"{host}/workshop/hello": entry("ann", USERS["ann"]),
        }
        file = auth_file({"auths": auths})
        image = f"docker://{host}/workshop/hello:latest"
        command = ["skopeo", "inspect", "--raw", "--tls-verify=false", f"--authfile={file}", image]
        done = subprocess.run(command, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert pull(host, [file])[1] == done.stdout


@needs("docker-registry", "htpasswd")
def test_a_registry_of_others_that_asks_for_basic(tmp_path, auth_file):
    """docker-registry with htpasswd, an answer of 404 meaning that it let us in."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    users = subprocess.run(
        ["htpasswd", "-Bbn", "ann", USERS["ann"]], capture_output=True, text=True, check=True
    )
    (tmp_path / "htpasswd").write_text(users.stdout)
    (tmp_path / "config.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {tmp_path}/data}}}}\n"
        f"http: {{addr: 127.0.0.1:{port}}}\n"
        f"auth: {{htpasswd: {{realm: test, path: {tmp_path}/htpasswd}}}}\n"
    )
    server = subprocess.Popen(
        ["docker-registry", "serve", tmp_path / "config.yml"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        host = f"127.0.0.1:{port}"
        assert until(lambda: answers(port))
        with pytest.raises(NotFound):
            pull(host, [auth_file({"auths": {host: entry("ann", USERS["ann"])}})])
        with pytest.raises(LoginNeeded):
            pull(host, [auth_file({"auths": {host: entry("ann", "wrong")}}, "wrong.json")])
    finally:
        server.terminate()
        server.wait(60)


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

"""Where logins are looked for, and which one wins."""

import base64
import json
import os
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minicontainer import explain
from minicontainer.lib.auth_json import BadAuth
from minicontainer.lib.credential_helper import HelperError
from minicontainer.step04_registry.token import Credentials
from minicontainer.step05_auth.auth_file import plain_key, read_auth_file
from minicontainer.step05_auth.keychain import auth_files, credentials_for, decode_auth
from tests.programs import needs
from tests.step05_auth.conftest import entry

KEEPS_ONE = """
asked = sys.stdin.read()
keeps = {"reg.example": "one", "https://index.docker.io/v1/": "hub", "docker.io": "podman"}
if asked not in keeps:
    print("credentials not found in native keychain")
    sys.exit(1)
print(json.dumps({"ServerURL": asked, "Username": keeps[asked], "Secret": "s"}))
"""


# auth_files


def test_the_order_of_the_files():
    environ = {"HOME": "/h", "XDG_RUNTIME_DIR": "/run/user/7"}
    assert auth_files(environ) == [
        "/run/user/7/containers/auth.json",
        "/h/.config/containers/auth.json",
        "/h/.docker/config.json",
        "/h/.dockercfg",
    ]


def test_variables_move_them():
    environ = {"HOME": "/h", "XDG_CONFIG_HOME": "/c", "DOCKER_CONFIG": "/d"}
    assert auth_files(environ)[1:] == ["/c/containers/auth.json", "/d/config.json", "/h/.dockercfg"]
    assert auth_files(environ)[0] == f"/run/containers/{os.getuid()}/auth.json"


def test_a_file_that_the_user_names_comes_first():
    environ = {"HOME": "/h", "XDG_RUNTIME_DIR": "/r", "REGISTRY_AUTH_FILE": "/mine"}
    assert auth_files(environ)[:2] == ["/mine", "/h/.config/containers/auth.json"]
    assert auth_files(environ, explicit="/this")[0] == "/this"
    assert len(auth_files(environ, explicit="/this")) == 4


def test_empty_variables_count_as_unset():
    environ = {"HOME": "/h", "XDG_RUNTIME_DIR": "", "XDG_CONFIG_HOME": "", "DOCKER_CONFIG": ""}
    assert auth_files(environ) == auth_files({"HOME": "/h"})


def test_the_environment_of_this_process_is_the_default(monkeypatch):
    monkeypatch.setenv("REGISTRY_AUTH_FILE", "/mine")
    assert auth_files()[0] == "/mine"


@needs("skopeo", "strace")
@pytest.mark.parametrize("variables", [{}, {"XDG_RUNTIME_DIR": "R"}, {"REGISTRY_AUTH_FILE": "A"}])
def test_skopeo_reads_the_same_files_in_the_same_order(tmp_path, variables):
    environ = {
        "HOME": f"{tmp_path}/h",
        "XDG_CONFIG_HOME": f"{tmp_path}/c",
        "PATH": os.environ["PATH"],
    }
    for name, value in variables.items():
        environ[name] = f"{tmp_path}/{value}"
        if name == "XDG_RUNTIME_DIR":
            os.mkdir(environ[name])
        else:
            shutil.copyfile("/dev/null", environ[name])
            with open(environ[name], "w") as stream:
                stream.write("{}")
    command = ["strace", "-f", "-e", "trace=openat", "skopeo", "inspect"]
    if "REGISTRY_AUTH_FILE" in environ:
        command.append(f"--authfile={environ['REGISTRY_AUTH_FILE']}")
    done = subprocess.run(
        [*command, "docker://127.0.0.1:1/x:y"],
        capture_output=True,
        text=True,
        env=environ,
        timeout=60,
    )
    if "ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    if "EACCES" in done.stderr:
        pytest.skip("skopeo gives up at /run/containers, which is root's here")
    opened = [line.split('"')[1] for line in done.stderr.splitlines() if "openat(" in line]
    wanted = auth_files(environ)
    assert [path for path in opened if path in wanted] == wanted


# credentials_for


def test_the_most_specific_key_wins(auth_file):
    auths = {
        "reg.example": entry("host", "p"),
        "reg.example/team": entry("team", "p"),
        "reg.example/team/app": entry("app", "p"),
        "reg.example/te": entry("never", "p"),
    }
    file = [auth_file({"auths": auths})]
    found = {
        name: credentials_for("reg.example", name, file)
        for name in ("team/app", "team/app/x", "team/application", "team", "teams", "other/app")
    }
    assert {name: login.username for name, login in found.items()} == {
        "team/app": "app",
        "team/app/x": "app",
        "team/application": "team",
        "team": "team",
        "teams": "host",
        "other/app": "host",
    }


def test_another_registry_gets_nothing(auth_file):
    file = [auth_file({"auths": {"reg.example": entry("u", "p"), "example/x": entry("u", "p")}})]
    for registry in ("reg.example:5000", "example", "evil-reg.example", "reg.example.evil"):
        assert credentials_for(registry, "y", file) is None


def test_the_first_file_with_a_login_wins(auth_file, tmp_path):
    files = [
        str(tmp_path / "missing.json"),
        auth_file({"auths": {"other": entry("u", "p"), "reg.example": {}}}, "1.json"),
        auth_file({"auths": {"reg.example": entry("second", "p")}}, "2.json"),
        auth_file({"auths": {"reg.example/app": entry("third", "p")}}, "3.json"),
    ]
    assert credentials_for("reg.example", "app", files) == Credentials("second", "p")
    assert credentials_for("nowhere", "app", files) is None


@pytest.mark.parametrize(
    "key",
    [
        "docker.io",
        "https://index.docker.io/v1/",
        "index.docker.io",
        "registry-1.docker.io",
        "http://index.docker.io",
        "docker.io/library",
        "docker.io/library/nginx",
    ],
)
def test_docker_hub_under_all_its_names(auth_file, key):
    file = [auth_file({"auths": {key: entry("u", "p")}})]
    assert credentials_for("docker.io", "library/nginx", file) == Credentials("u", "p")


@pytest.mark.parametrize(
    ("key", "plain"),
    [
        ("quay.io", "quay.io"),
        ("quay.io/", "quay.io"),
        ("quay.io/team/app", "quay.io/team/app"),
        ("localhost:5000/team", "localhost:5000/team"),
        ("https://reg.example:5000/v1/", "reg.example:5000"),
        ("http://reg.example", "reg.example"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("registry-1.docker.io/library", "docker.io/library"),
        ("index.docker.io.example", "index.docker.io.example"),
        ("", ""),
    ],
)
def test_what_a_key_means(key, plain):
    assert plain_key(key) == plain


@pytest.mark.parametrize("key", ["https://reg.example:5000/v2/", "http://reg.example:5000"])
def test_old_keys_are_addresses(auth_file, key):
    file = [auth_file({"auths": {key: entry("u", "p")}})]
    assert credentials_for("reg.example:5000", "app", file) == Credentials("u", "p")


def test_a_key_as_we_write_it_today_wins_over_an_old_one(auth_file):
    old, new = ("https://reg.example/v1/", entry("old", "p")), ("reg.example", entry("new", "p"))
    for order in ([old, new], [new, old]):
        file = [auth_file({"auths": dict(order)})]
        assert credentials_for("reg.example", "app", file).username == "new"


def test_dockers_old_file_is_one_table_of_registries(auth_file):
    old = {"https://reg.example/v1/": {**entry("u", "p"), "email": "x@y"}, "credsStore": {}}
    file = [auth_file(old, ".dockercfg")]
    assert credentials_for("reg.example", "app", file) == Credentials("u", "p")


def test_an_identity_token(auth_file):
    auths = {
        "reg.example": {**entry("<token>", ""), "identitytoken": "it"},
        "b": {"identitytoken": "x"},
    }
    file = [auth_file({"auths": auths})]
    assert credentials_for("reg.example", "app", file) == Credentials("<token>", "", "it")
    assert credentials_for("b", "app", file) == Credentials("", "", "x")


def test_a_registrys_own_helper_comes_before_all_entries(auth_file, helper):
    helper("one", KEEPS_ONE)
    document = {
        "auths": {"reg.example": entry("no", "p"), "reg.example/app": entry("no", "p")},
        "credHelpers": {"reg.example": "one", "unknown.example": "one", "none.example": ""},
    }
    file = [auth_file(document)]
    assert credentials_for("reg.example", "app", file) == Credentials("one", "s")
    assert credentials_for("unknown.example", "app", file) is None


def test_an_empty_entry_means_the_store_has_it(auth_file, helper):
    helper("one", KEEPS_ONE)
    document = {
        "auths": {"reg.example": {}, "plain.example": entry("u", "p"), "gone.example": {}},
        "credsStore": "one",
    }
    file = [auth_file(document)]
    assert credentials_for("reg.example", "app", file) == Credentials("one", "s")
    assert credentials_for("plain.example", "app", file) == Credentials("u", "p")
    assert credentials_for("gone.example", "app", file) is None


def test_the_store_is_asked_for_docker_hub_by_its_old_name(auth_file, helper):
    helper("one", KEEPS_ONE)
    store = [auth_file({"credsStore": "one"})]
    assert credentials_for("docker.io", "library/nginx", store).username == "hub"
    own = [auth_file({"credHelpers": {"docker.io": "one"}})]
    assert credentials_for("docker.io", "library/nginx", own).username == "podman"


def test_a_store_that_is_not_there_does_not_get_in_the_way(auth_file):
    events = []
    explain.listener = events.append
    try:
        file = [auth_file({"credsStore": "not-installed", "auths": {"reg.example": {}}})]
        assert credentials_for("other.example", "app", file) is None
    finally:
        explain.listener = None
    assert "docker-credential-not-installed" in events[-1]["text"]
    with pytest.raises(HelperError, match="is not installed"):
        credentials_for("reg.example", "app", file)


# damaged and hostile files


DEEP = "[" * 100_000
BAD_FILES = [
    "not JSON",
    '{"auths": ',
    "[]",
    '"text"',
    "1",
    DEEP,
    '{"auths": {"reg.example": ' + '{"a":' * 50_000,
    '{"auths": []}',
    '{"auths": {"reg.example": "secret"}}',
    '{"auths": {"reg.example": {"auth": 7}}}',
    '{"auths": {"reg.example": {"auth": "\\ud800"}}}',
    '{"auths": {"reg.example": {"identitytoken": ["secret"]}}}',
    '{"auths": {"reg.example": {"identitytoken": "\\ud800"}}}',
    '{"credHelpers": {"reg.example": {}}}',
    '{"credHelpers": "secret"}',
    '{"credsStore": ["secret"]}',
    '{"auths": {"reg.example": {"auth": "secret!"}}}',
    '{"auths": {"reg.example": {"auth": "c2VjcmV0"}}}',
    " " * ((1 << 20) + 1),
]


@pytest.mark.parametrize("content", BAD_FILES, ids=range(len(BAD_FILES)))
def test_a_bad_file_is_named_and_never_quoted(auth_file, content):
    path = auth_file(content)
    with pytest.raises(BadAuth) as raised:
        credentials_for("reg.example", "app", [path])
    assert path in str(raised.value)
    assert "secret" not in str(raised.value)
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize("content", ["", "{}", '{"auths": null}', '{"auths": {"reg.example": {}}}'])
def test_a_file_without_logins(auth_file, content):
    assert credentials_for("reg.example", "app", [auth_file(content)]) is None


def test_no_file_and_files_that_cannot_be_read(auth_file, tmp_path):
    assert credentials_for("reg.example", "app", [auth_file("{}") + "/below/a/file"]) is None
    with pytest.raises(BadAuth, match="cannot be read: Is a directory"):
        credentials_for("reg.example", "app", [str(tmp_path)])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may enter every directory")
def test_a_directory_that_we_may_not_enter_holds_nothing_of_ours(tmp_path):
    (tmp_path / "theirs").mkdir(0o000)
    assert credentials_for("reg.example", "app", [f"{tmp_path}/theirs/auth.json"]) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_we_may_not_read_is_named(auth_file):
    path = auth_file("{}")
    os.chmod(path, 0o000)
    with pytest.raises(BadAuth, match="cannot be read: Permission denied"):
        credentials_for("reg.example", "app", [path])


def test_a_file_that_all_may_read_is_read_as_peers_do(auth_file):
    path = auth_file({"auths": {"reg.example": entry("u", "p")}})
    os.chmod(path, 0o666)
    assert credentials_for("reg.example", "app", [path]) == Credentials("u", "p")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
ENTRY = st.dictionaries(st.sampled_from(["auth", "identitytoken", "email"]), JSON) | JSON
REGISTRY = (
    st.sampled_from(["reg.example", "reg.example/app", "https://reg.example/v1/"]) | st.text()
)
DOCUMENT = st.fixed_dictionaries(
    {},
    optional={
        "auths": st.dictionaries(REGISTRY, ENTRY) | JSON,
        "credHelpers": st.dictionaries(REGISTRY, st.sampled_from(["", "nowhere", "../x"]) | JSON),
        "credsStore": st.sampled_from(["", "nowhere", "/bin/sh", "../x"]) | JSON,
    },
)


@settings(deadline=None, max_examples=200)
@given(document=DOCUMENT | JSON)
def test_any_json_gives_a_login_or_our_error(document, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(document))
    try:
        found = credentials_for("reg.example", "app", [str(path)])
    except (BadAuth, HelperError) as problem:
        str(problem).encode()
    else:
        assert found is None or isinstance(found, Credentials)


@settings(deadline=None, max_examples=200)
@given(content=st.binary(max_size=200))
def test_any_bytes_give_an_empty_file_or_our_error(content, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "bytes.json"
    path.write_bytes(content)
    try:
        read_auth_file(str(path))
    except BadAuth as problem:
        assert str(path) in str(problem)


def test_no_repr_shows_a_secret(auth_file):
    login = {**entry("someone", "hunter2"), "identitytoken": "tokentoken"}
    path = auth_file({"auths": {"reg.example": login}})
    shown = repr(read_auth_file(path)) + repr(credentials_for("reg.example", "app", [path]))
    assert "someone" in shown
    for secret in ("hunter2", "tokentoken", login["auth"]):
        assert secret not in shown


# decode_auth


def packed(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


@pytest.mark.parametrize(
    ("text", "login"),
    [
        ("u:p", ("u", "p")),
        ("u:p:q::", ("u", "p:q::")),
        (":p", ("", "p")),
        ("u:", ("u", "")),
        ("ü:pässwörd ", ("ü", "pässwörd ")),
        ("u:\0p\0q\0\0", ("u", "p\0q")),
    ],
)
def test_decode_auth(text, login):
    assert decode_auth(packed(text)) == login


@pytest.mark.parametrize("password", ["p", "pp", "ppp", "pppp"])
def test_white_space_and_a_missing_padding_are_forgiven(password):
    whole = packed(f"u:{password}")
    assert decode_auth(whole.rstrip("=")) == ("u", password)
    assert decode_auth(f" {whole[:3]}\r\n{whole[3:]}\n") == ("u", password)


@pytest.mark.parametrize(
    "text", ["", "=", "dTpw!", "dTp\u00fc", packed("secret"), packed(b"u:\xff"), "a"]
)
def test_what_is_no_login(text):
    with pytest.raises(BadAuth) as raised:
        decode_auth(text)
    assert "secret" not in str(raised.value)


@given(
    username=st.text(st.characters(exclude_characters=":", exclude_categories=["Cs"])),
    password=st.text(st.characters(exclude_categories=["Cs"])),
)
def test_what_docker_login_writes_comes_back(username, password):
    assert decode_auth(packed(f"{username}:{password}")) == (username, password.strip("\0"))


@given(text=st.text())
def test_any_text_is_a_login_or_our_error(text):
    try:
        decode_auth(text)
    except BadAuth as problem:
        assert "once more" in str(problem)

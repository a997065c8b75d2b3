"""The checks of lab 05: where logins are kept, which one counts, how it is shown."""

import base64
import io
import json
import os
import subprocess
import unittest.mock
import urllib.parse
from pathlib import Path

import urllib3
from requests.adapters import HTTPAdapter

from minicontainer.lib.auth_json import BadAuth
from minicontainer.lib.credential_helper import HelperError
from minicontainer.lib.http_errors import LoginNeeded
from minicontainer.lib.session import Session
from minicontainer.step04_registry.challenge import Challenge
from minicontainer.step04_registry.token import Credentials
from minicontainer.step05_auth.auth_file import plain_key
from minicontainer.step05_auth.authorize import authorize
from minicontainer.step05_auth.helper import PATIENCE_SECONDS, ask_helper
from minicontainer.step05_auth.keychain import auth_files, credentials_for, decode_auth, user_id
from minicontainer.workshop.grading.checks import Raised, Raises, check, expect, outcome

SECRET = "s3cret"


def told(login):
    """A login in one line, since its repr hides what we want to compare."""
    if not isinstance(login, Credentials):
        return login
    token = f", identity token {login.identity_token!r}" if login.identity_token else ""
    return f"name {login.username!r}, password {login.password!r}{token}"


def login_of(name, password="pw", token=""):
    return told(Credentials(name, password, token))


def tells_secret(found, secret=SECRET):
    """Whether an error that was raised would show the secret to whoever reads it."""
    return isinstance(found, Raised) and secret in f"{found.error!r} {found.error}"


def expect_silence(found, tells, story, mistake):
    """Fail if the error that was raised tells the secret."""
    expected = "an error without a word of what it was given"
    expect(found if tells else None, None, story=story, shown=expected, mistakes={mistake: tells})


# ---------------------------------------------------------------- auth_files

FILES = (
    'containers-auth.json(5), "DESCRIPTION": logins are looked for in podman\'s files first and then in'
    " docker's; a file that the user names is used instead of the first one"
)
HOME = {"HOME": "/home/ann", "XDG_RUNTIME_DIR": "/run/user/7"}
USUAL = [
    "/run/user/7/containers/auth.json",
    "/home/ann/.config/containers/auth.json",
    "/home/ann/.docker/config.json",
    "/home/ann/.dockercfg",
]


def listed(environ, **more):
    """The files as text, with / between names."""
    found = outcome(auth_files, environ, **more)
    return [str(f).replace("\\", "/") for f in found] if isinstance(found, list) else found


def variables(environ):
    return "the variables are " + ", ".join(f"{name}={value}" for name, value in environ.items())


@check("auth_files", points=2, rule=FILES)
def test_usual_files():
    """podman's two files come first, then docker's two"""
    found = listed(HOME)
    several = isinstance(found, list)
    mistakes = {
        "environment-of-this-process": bool(found) and several and not set(found) & set(USUAL),
        "missing-files-left-out": several and set(found) < set(USUAL),
        "docker-first": several and sorted(found) == sorted(USUAL),
    }
    expect(found, USUAL, story=f"{variables(HOME)}; none of the files exists", mistakes=mistakes)
    environ = {"HOME": "/home/ann"}
    first = f"/run/containers/{user_id()}/auth.json"
    expect(listed(environ), [first, *USUAL[1:]], story=variables(environ))


@check("auth_files", points=1, rule=FILES)
def test_named_file_takes_the_first_place():
    """a file that the user names replaces the first one"""
    environ = {**HOME, "REGISTRY_AUTH_FILE": "/mine.json"}
    for named, more in (("/mine.json", {}), ("/this.json", {"explicit": "/this.json"})):
        found = listed(environ, **more)
        story = f"{variables(environ)}; explicit is {more.get('explicit', '')!r}"
        mistakes = {
            "named-file-added": found == [named, *USUAL],
            "named-file-only": found == [named],
        }
        expect(found, [named, *USUAL[1:]], story=story, mistakes=mistakes)


@check("auth_files", points=1, rule=FILES)
def test_variables_move_directories():
    """XDG_CONFIG_HOME and DOCKER_CONFIG move the files"""
    environ = {**HOME, "XDG_CONFIG_HOME": "/config", "DOCKER_CONFIG": "/docker"}
    found = listed(environ)
    expected = [USUAL[0], "/config/containers/auth.json", "/docker/config.json", USUAL[3]]
    mistakes = {"docker-config-is-a-file": lambda: found[2] == "/docker"}
    expect(found, expected, story=variables(environ), mistakes=mistakes)


@check("auth_files", points=1, rule=FILES)
def test_empty_variables():
    """an empty variable counts as one that is not set"""
    empty = ("XDG_CONFIG_HOME", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE")
    environ = {**HOME, **dict.fromkeys(empty, "")}
    found = listed(environ)
    mistakes = {"empty-variable-taken": isinstance(found, list) and len(found) == 4}
    expect(found, USUAL, story=variables(environ), mistakes=mistakes)
    environ = {"HOME": "/home/ann", "XDG_RUNTIME_DIR": ""}
    found = listed(environ)
    first = f"/run/containers/{user_id()}/auth.json"
    expect(found, [first, *USUAL[1:]], story=variables(environ), mistakes=mistakes)
    home = os.path.expanduser("~").replace("\\", "/")
    found = listed({"XDG_RUNTIME_DIR": HOME["XDG_RUNTIME_DIR"]})
    expected = [path.replace("/home/ann", home) for path in USUAL]
    expect(found, expected, story="HOME is not set; expanduser gives a directory all the same")


# ---------------------------------------------------------------- decode_auth

ENTRY = (
    'containers-auth.json(5), "FORMAT", and RFC 7617, section 2: auth is base64 of the name, a colon and'
    " the password; a name has no colon, a password may have some"
)


def packed(text):
    """`text` as it stands in an `auth` entry."""
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


@check("decode_auth", points=1, rule=ENTRY)
def test_decode_name_and_password():
    """name and password come out"""
    for text, login in (("ann:pw", ("ann", "pw")), ("ünal:pässword", ("ünal", "pässword"))):
        found = outcome(decode_auth, packed(text))
        mistakes = {"bytes-left": isinstance(found, tuple) and bytes in map(type, found)}
        expect(found, login, story=f"decode_auth was given base64 of {text!r}", mistakes=mistakes)


@check("decode_auth", points=2, rule=ENTRY)
def test_password_may_hold_colons():
    """a password may hold colons"""
    text, login = "ann:one:two:three", ("ann", "one:two:three")
    found = outcome(decode_auth, packed(text))
    mistakes = {
        "password-cut": found in (("ann", "one"), ["ann", "one"]) or found == Raises(ValueError),
        "name-takes-colons": isinstance(found, tuple) and found[:1] == ("ann:one:two",),
    }
    expect(found, login, story=f"decode_auth was given base64 of {text!r}", mistakes=mistakes)


@check("decode_auth", points=1, rule=ENTRY)
def test_what_is_forgiven():
    """white space, missing padding and NULs are forgiven"""
    whole = packed("ann:pw1")
    for text in (whole.rstrip("="), f"{whole[:4]}\r\n  {whole[4:]}\n"):
        found = outcome(decode_auth, text)
        mistakes = {"padding-required": "=" not in text}
        story = f"decode_auth was given {text!r}"
        expect(found, ("ann", "pw1"), story=story, mistakes=mistakes)
    text = packed("ann:pw1234").rstrip("=")
    found = outcome(decode_auth, text)
    mistakes = {"padding-required": found == Raises((BadAuth, ValueError))}
    expect(found, ("ann", "pw1234"), story=f"decode_auth was given {text!r}", mistakes=mistakes)
    found = outcome(decode_auth, packed("ann:~pw~\0\0"))
    mistakes = {"nul-kept": found == ("ann", "~pw~\0\0")}
    story = r"decode_auth was given base64 of 'ann:~pw~\0\0'"
    expect(found, ("ann", "~pw~"), story=story, mistakes=mistakes)


@check("decode_auth", points=2, rule=ENTRY)
def test_what_is_no_login():
    """anything else is refused, and the secret not shown"""
    cases = {
        f"base64 of {SECRET!r}, a text without a colon": packed(SECRET),
        f"base64 of b'ann:\\xff{SECRET}', which is no UTF-8": packed(b"ann:\xff" + SECRET.encode()),
        "'YW5uOn!B3', which is no base64": "YW5uOn!B3",
        "'YW5uOnB3~', which is none either": "YW5uOnB3~",
        "'' (an empty string)": "",
    }
    for story, text in cases.items():
        found = outcome(decode_auth, text)
        mistakes = {"no-base64-accepted": "!" in text and isinstance(found, tuple)}
        expect(found, Raises(BadAuth), story=f"decode_auth was given {story}", mistakes=mistakes)
        shown = tells_secret(found) or bool(text) and tells_secret(found, text)
        expect_silence(found, shown, f"decode_auth was given {story}", "secret-quoted")


# ---------------------------------------------------------------- plain_key

KEYS = (
    'containers-auth.json(5), "FORMAT": a key is a registry or a place in one, as quay.io/team; docker\'s'
    " reference of `docker login`: its keys are addresses, Docker Hub's is https://index.docker.io/v1/"
)


@check("plain_key", points=1, rule=KEYS)
def test_keys_of_today():
    """a key as it is written today stays as it is"""
    for key in ("quay.io", "quay.io/team/app", "localhost:5000/team"):
        found = outcome(plain_key, key)
        mistakes = {"path-always-cut": found == key.partition("/")[0] != key}
        expect(found, key, story=f"plain_key({key!r}) was called", mistakes=mistakes)
    expect(outcome(plain_key, "quay.io/"), "quay.io", story="plain_key('quay.io/') was called")


@check("plain_key", points=1, rule=KEYS)
def test_old_keys_are_addresses():
    """of an address, only host and port count"""
    for key in ("https://reg.example:5000/v1/", "http://reg.example:5000"):
        found = outcome(plain_key, key)
        mistakes = {
            "port-lost": found == "reg.example",
            "path-of-address-kept": str(found).strip("/") == "reg.example:5000/v1",
        }
        expect(found, "reg.example:5000", story=f"plain_key({key!r}) was called", mistakes=mistakes)
    for key in ("http.example/hub", "shop.example"):  # lstrip("https://") would eat letters
        found = outcome(plain_key, key)
        expect(found, key, story=f"plain_key({key!r}) was called",
               mistakes={"letters-stripped": isinstance(found, str) and key.endswith(found)})


@check("plain_key", points=2, rule=KEYS)
def test_docker_hub_has_several_names():
    """Docker Hub is found under all its names"""
    cases = {
        "https://index.docker.io/v1/": "docker.io",
        "registry-1.docker.io": "docker.io",
        "index.docker.io/library": "docker.io/library",
        "index.docker.io.evil.example": "index.docker.io.evil.example",
    }
    for key, plain in cases.items():
        found = outcome(plain_key, key)
        mistakes = {
            "hub-under-its-old-name": str(found).startswith(("index.", "registry-1."))
            and plain.startswith("docker.io"),
            "hub-by-its-beginning": plain == key and found != key,
        }
        expect(found, plain, story=f"plain_key({key!r}) was called", mistakes=mistakes)


# ---------------------------------------------------------------- credentials_for

SPECIFIC = (
    'containers-auth.json(5), "FORMAT": keys may name a registry, a namespace or a repository, and the'
    " most specific one that fits is used; whole names are compared"
)
ORDER = (
    'containers-auth.json(5), "DESCRIPTION": the files are asked one after the other; the first that'
    " has a login is used"
)
OWN_HELPER = (
    'containers-auth.json(5), "FORMAT", credHelpers: the helper of a registry is asked instead of auths'
)


def entry(name, password="pw"):
    """What `docker login` writes for one registry."""
    return {"auth": packed(f"{name}:{password}")}


def auth_file(directory, auths, name="auth.json", **more):
    """A file with these entries; its path."""
    path = Path(directory) / name
    path.write_text(json.dumps({"auths": auths, **more}))
    return str(path)


def answered(registry, repository, files):
    return told(outcome(credentials_for, registry, repository, files))


@check("credentials_for", points=3, rule=SPECIFIC)
def test_most_specific_key_wins(tmp_path):
    """the most specific key wins"""
    keys = {"quay.io": "all", "quay.io/team": "team", "quay.io/team/app": "app"}
    file = auth_file(tmp_path, {key: entry(name) for key, name in keys.items()})
    logins = ", ".join(f"{name} for {key}" for key, name in keys.items())
    wanted = {"team/app": "app", "team/other": "team", "else/x": "all", "team/app/x": "app"}
    for repository, name in wanted.items():
        found = answered("quay.io", repository, [file])
        mistakes = {
            "parent-preferred": name != "all" and found in map(login_of, ("all", "team")),
            "exact-key-only": found is None,
        }
        story = f"a file has {logins}; wanted: quay.io/{repository}"
        expect(found, login_of(name), story=story, mistakes=mistakes)


@check("credentials_for", points=1, rule=SPECIFIC)
def test_names_are_compared_whole(tmp_path):
    """names are compared whole, not by their beginning"""
    file = auth_file(tmp_path, {"quay.io/te": entry("te"), "quay.io": entry("all")})
    found = answered("quay.io", "team/app", [file])
    mistakes = {"beginning-is-enough": found == login_of("te")}
    story = "a file has te for quay.io/te, all for quay.io; wanted: quay.io/team/app"
    expect(found, login_of("all"), story=story, mistakes=mistakes)
    file = auth_file(tmp_path, {"quay.io": entry("all")})
    for registry in ("quay.io.evil.example", "quay.io:5000"):
        found = answered(registry, "team/app", [file])
        story = f"a file has a login for quay.io only; wanted: {registry}/team/app"
        mistakes = {"beginning-is-enough": found == login_of("all")}
        expect(found, None, story=story, mistakes=mistakes)


@check("credentials_for", points=2, rule=ORDER)
def test_first_file_with_a_login_wins(tmp_path):
    """the first file that has a login wins"""
    files = [
        str(tmp_path / "missing.json"),
        auth_file(tmp_path, {"other.example": entry("other"), "quay.io/team": {}}, "1.json"),
        auth_file(tmp_path, {"quay.io": entry("second")}, "2.json"),
        auth_file(tmp_path, {"quay.io/team/app": entry("third")}, "3.json"),
    ]
    story = (
        "the first file is missing, the next has an empty entry for quay.io/team, the next a login"
        " “second” for quay.io, the last “third” for quay.io/team/app"
    )
    found = answered("quay.io", "team/app", files)
    mistakes = {
        "first-file-only": found is None,
        "last-file-wins": found == login_of("third"),
    }
    expect(found, login_of("second"), story=story, mistakes=mistakes)
    expect(answered("nowhere.example", "x", files), None, story=f"{story}; wanted: another registry")


@check("credentials_for", points=1, rule=KEYS)
def test_docker_login_is_found(tmp_path):
    """what `docker login` wrote is found"""
    file = auth_file(tmp_path, {"https://index.docker.io/v1/": entry("ann")}, "config.json")
    found = answered("docker.io", "library/nginx", [file])
    story = "the file has a login under https://index.docker.io/v1/; wanted: docker.io/library/nginx"
    mistakes = {"legacy-key-forgotten": found is None}
    expect(found, login_of("ann"), story=story, mistakes=mistakes)


@check("credentials_for", points=2, rule=OWN_HELPER)
def test_helper_of_the_registry_comes_first(tmp_path):
    """a registry's own helper is asked instead of the entries"""
    helper(tmp_path, {"Username": "helper", "Secret": "pw"})
    auths = {"quay.io": entry("all"), "quay.io/team/app": entry("app")}
    file = auth_file(tmp_path, auths, credHelpers={"quay.io": "practice"})
    found = answered("quay.io", "team/app", [file])
    story = "credHelpers has a helper for quay.io, auths has logins for quay.io and quay.io/team/app"
    mistakes = {"helper-forgotten": found in map(login_of, ("app", "all"))}
    expect(found, login_of("helper"), story=story, mistakes=mistakes)
    helper(tmp_path, "credentials not found in native keychain", status=1)
    found = answered("quay.io", "team/app", [file, auth_file(tmp_path, auths, "2.json")])
    story = "the helper in the first file keeps nothing for quay.io; the second file has logins for it"
    mistakes = {"helper-is-the-last-word": found is None}
    expect(found, login_of("app"), story=story, mistakes=mistakes)


@check("credentials_for", points=1, rule=ORDER)
def test_usual_files_when_none_are_given(tmp_path):
    """without files, those of auth_files() are asked"""
    file = auth_file(tmp_path, {"quay.io": entry("ann")})
    before = dict(os.environ)
    os.environ["REGISTRY_AUTH_FILE"] = file
    try:
        found = told(outcome(credentials_for, "quay.io", "team/app"))
        none = answered("quay.io", "team/app", [])
    finally:
        os.environ.clear()
        os.environ.update(before)
    story = "no files were given; REGISTRY_AUTH_FILE names one that has a login for quay.io"
    expect(found, login_of("ann"), story=story)
    story = "the same, but files was [], an empty list: nobody is to be asked"
    expect(none, None, story=story, mistakes={"no-files-means-all": none == login_of("ann")})


# ---------------------------------------------------------------- ask_helper

PROTOCOL = (
    'docker-credential-helpers, README, "Development": the program is started with `get`, reads the'
    " server from its standard input, and writes JSON with Username and Secret"
)
NOTHING = (
    'docker-credential-helpers, README, "Development": a helper that keeps nothing for a server says so'
    " (“credentials not found in native keychain”) on standard output, and exits with status 1"
)
TOKEN = (
    "docker's reference of `docker login`, \"Credential helper protocol\": the user name <token> says"
    " that the secret is an identity token"
)
PATH = os.environ.get("PATH", os.defpath)
_UNIX = """\
#!/bin/sh
echo "$*" > '{here}/arguments'
cat > '{here}/question'
cat '{here}/answer'
exit {status}
"""
_WINDOWS = """\
@echo off
echo %*> "{here}\\arguments"
findstr "^" > "{here}\\question"
type "{here}\\answer"
exit /b {status}
"""


def helper(directory, answer, status=0):
    """Install docker-credential-practice: a real program that gives this answer."""
    text = json.dumps(answer) if isinstance(answer, dict) else answer
    (directory / "answer").write_bytes(text.encode() if isinstance(text, str) else text)
    script, suffix = (_WINDOWS, ".cmd") if os.name == "nt" else (_UNIX, "")
    program = directory / f"docker-credential-practice{suffix}"
    program.write_text(script.format(here=directory, status=status))
    program.chmod(0o755)
    os.environ["PATH"] = f"{directory}{os.pathsep}{PATH}"


def gave(answer, status=0):
    return f"the helper gave {answer} and exit status {status}"


@check("ask_helper", points=2, rule=PROTOCOL)
def test_question_and_answer(tmp_path):
    """the server goes in by standard input, the login comes out"""
    helper(tmp_path, {"ServerURL": "quay.io", "Username": "ann", "Secret": "pw"})
    found = told(outcome(ask_helper, "practice", "quay.io"))
    story = "docker-credential-practice was to be asked for quay.io"
    files = [tmp_path / name for name in ("arguments", "question")]
    if not files[0].exists():
        expect(found, login_of("ann"), story=story)
        expect("it was not started", "it is started", story=story)
    arguments, question = (file.read_text().strip() for file in files)
    expect((arguments, question), ("get", "quay.io"),
           story=f"{story}; its arguments and its standard input were",
           mistakes={"server-as-argument": "quay.io" in arguments})  # fmt: skip
    expect(found, login_of("ann"), story=gave('{"Username": "ann", "Secret": "pw"}'))


@check("ask_helper", points=2, rule=NOTHING)
def test_not_found_is_an_answer(tmp_path):
    """ "not found" is an answer, no error"""
    sentence = "credentials not found in native keychain"
    for said in (sentence, f"{sentence}\n"):
        helper(tmp_path, said, status=1)
        found = told(outcome(ask_helper, "practice", "quay.io"))
        mistakes = {"not-found-is-an-error": isinstance(found, Raised)}
        expect(found, None, story=gave(repr(said), 1), mistakes=mistakes)


@check("ask_helper", points=1, rule=NOTHING)
def test_empty_login_is_none(tmp_path):
    """an empty login is none"""
    helper(tmp_path, {"ServerURL": "quay.io", "Username": "", "Secret": ""})
    found = told(outcome(ask_helper, "practice", "quay.io"))
    mistakes = {"empty-login-taken": found == login_of("", "")}
    expect(found, None, story=gave('{"Username": "", "Secret": ""}'), mistakes=mistakes)
    helper(tmp_path, {"ServerURL": "quay.io", "Username": "", "Secret": "pw"})
    found = told(outcome(ask_helper, "practice", "quay.io"))
    mistakes = {"empty-login-taken": found == login_of("", "pw")}
    expect(found, None, story=gave('{"Username": "", "Secret": "pw"}'), mistakes=mistakes)


@check("ask_helper", points=1, rule=TOKEN)
def test_helper_gives_an_identity_token(tmp_path):
    """the user <token> brings an identity token"""
    helper(tmp_path, {"Username": "<token>", "Secret": "id-4711"})
    found = told(outcome(ask_helper, "practice", "quay.io"))
    mistakes = {"token-taken-for-password": found == login_of("<token>", "id-4711")}
    story = gave('{"Username": "<token>", "Secret": "id-4711"}')
    expect(found, login_of("<token>", "", "id-4711"), story=story, mistakes=mistakes)


@check("ask_helper", points=2, rule=PROTOCOL)
def test_helper_that_fails(tmp_path):
    """a helper that fails is an error, which shows no secret"""
    answers = [
        (f"broken: {SECRET}", 2),
        (json.dumps({"Username": "ann", "Secret": SECRET}), 1),
        (f"this is no JSON: {SECRET}", 0),
        (json.dumps({"Username": "ann", "Password": SECRET}), 0),
        (f"gebrochen für immer: {SECRET}".encode("latin-1"), 1),
    ]
    for answer, status in answers:
        helper(tmp_path, answer, status)
        found = outcome(ask_helper, "practice", "quay.io")
        mistakes = {
            "failure-taken-for-nothing": found is None,
            "exit-status-ignored": isinstance(found, Credentials) and status != 0,
            "answer-taken-on-trust": isinstance(found, Raised) and status == 0,
        }
        expect(told(found), Raises(HelperError), story=gave(repr(answer), status), mistakes=mistakes)
        story = gave(repr(answer), status)
        expect_silence(found, tells_secret(found), story, "secret-of-helper-quoted")
    helper(tmp_path, {"Username": "ann", "Secret": "pw"})
    with unittest.mock.patch.object(subprocess.Popen, "communicate", _never_answered):
        found = outcome(ask_helper, "practice", "quay.io")
    mistakes = {
        "waits-for-ever": isinstance(found, Credentials),
        "what-hinders-it-passed-on": isinstance(found, Raised),
    }
    story = f"the helper gave no answer in {PATIENCE_SECONDS} seconds (in the check: at once)"
    expect(told(found), Raises(HelperError), story=story, mistakes=mistakes)


_plain_communicate = subprocess.Popen.communicate


def _never_answered(process, input=None, timeout=None):
    """communicate() with a helper that is slower than anybody's patience."""
    if timeout is None:
        return _plain_communicate(process, input)
    raise subprocess.TimeoutExpired(process.args, timeout)


@check("ask_helper", points=1, rule=TOKEN)
def test_empty_token_is_none(tmp_path):
    """an empty identity token is none"""
    helper(tmp_path, {"Username": "<token>", "Secret": ""})
    found = told(outcome(ask_helper, "practice", "quay.io"))
    expect(found, None, story=gave('{"Username": "<token>", "Secret": ""}'))


# ---------------------------------------------------------------- authorize

CHOICE = (
    "RFC 9110, section 11.6.1: a server may offer several challenges, in any order; the client answers"
    " the one with the safest scheme that it knows"
)
SERVICE = (
    "distribution, docs/spec/auth/token.md: the token service is asked with the login, or without one;"
    " what it gives goes into the header Authorization, behind the word Bearer"
)
BEARER = Challenge("bearer", {"realm": "https://auth.example/token", "service": "reg.example"})
BASIC = Challenge("basic", {"realm": "reg.example"})
ANN = Credentials("ann", SECRET)
IDENTITY = Credentials("<token>", "", "id-4711")


class TokenService(HTTPAdapter):
    """A token service without a network; it tells in the token whom it saw, and keeps what it saw."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def send(self, request, *_, **__):
        """What requests calls for each request."""
        self.asked.append(request)
        who = "everybody"
        form = dict(urllib.parse.parse_qsl(str(request.body or "")))
        if form.get("refresh_token") == IDENTITY.identity_token:
            who = "the-identity"
        elif login := request.headers.get("Authorization"):
            who = base64.b64decode(login.partition(" ")[2]).decode().partition(":")[0].strip("<>")
        body = io.BytesIO(json.dumps({"token": f"token-for-{who}", "expires_in": 300}).encode())
        answer = urllib3.HTTPResponse(body, status=200, preload_content=False)
        return self.build_response(request, answer)


def authorized(challenges, credentials):
    """What authorize answers; the requests that the token service saw."""
    service, session = TokenService(), Session(pauses=())
    session.trust_env = False  # whatever proxies this machine has: and it is twice as fast
    session.mount("https://", service)
    return outcome(authorize, challenges, "team/app", session, credentials), service.asked


def basic(name, password):
    return f"Basic {packed(f'{name}:{password}')}"


@check("authorize", points=2, rule=SERVICE)
def test_token_for_a_login():
    """the token service sees the login, and its token goes into the header"""
    found, _ = authorized([BEARER], ANN)
    mistakes = {
        "login-not-used": found == "Bearer token-for-everybody",
        "header-without-scheme": found == "token-for-ann",
        "whole-token-in-header": isinstance(found, str) and "Token(" in found,
    }
    story = "the registry offers Bearer, and there is a login for ann"
    expect(found, "Bearer token-for-ann", story=story, mistakes=mistakes)


@check("authorize", points=2, rule=SERVICE)
def test_token_without_a_login():
    """without a login the token service is asked all the same"""
    found, requests = authorized([BEARER], None)
    mistakes = {"nobody-asked": isinstance(found, Raised) and not requests}
    story = "the registry offers Bearer, and there is no login"
    expect(found, "Bearer token-for-everybody", story=story, mistakes=mistakes)


@check("authorize", points=2, rule=CHOICE)
def test_bearer_before_basic():
    """Bearer is taken before Basic, wherever it stands"""
    for challenges in ([BEARER, BASIC], [BASIC, BEARER]):
        found, _ = authorized(challenges, ANN)
        names = ", then ".join(one.scheme for one in challenges)
        mistakes = {"basic-preferred": found == basic("ann", SECRET)}
        story = f"the registry offers {names}; there is a login for ann"
        expect(found, "Bearer token-for-ann", story=story, mistakes=mistakes)


@check("authorize", points=1, rule='RFC 7617, section 2: "Basic ", and base64 of name, colon, password')
def test_basic():
    """Basic shows name and password"""
    found, _ = authorized([BASIC], ANN)
    mistakes = {"basic-without-base64": isinstance(found, str) and SECRET in found}
    story = "the registry offers Basic only; there is a login for ann"
    expect(found, basic("ann", SECRET), story=story, mistakes=mistakes)


@check("authorize", points=2, rule=TOKEN)
def test_identity_token():
    """an identity token is for token services only"""
    found, _ = authorized([BEARER], IDENTITY)
    story = "there is an identity token; the registry offers"
    mistakes = {"identity-token-as-password": found == "Bearer token-for-token"}
    expect(found, "Bearer token-for-the-identity", story=f"{story} Bearer", mistakes=mistakes)
    found, _ = authorized([BASIC], IDENTITY)
    mistakes = {"identity-token-as-password": isinstance(found, str)}
    expect(found, Raises(LoginNeeded), story=f"{story} Basic only", mistakes=mistakes)


@check("authorize", points=2, rule=CHOICE)
def test_no_answer():
    """when there is no answer, LoginNeeded says why, and no secret"""
    negotiate = [Challenge("negotiate", {})]
    cases = [
        ("the registry offers Basic only; there is no login", [BASIC], None),
        ("the registry offers Negotiate only; there is a login", negotiate, ANN),
        ("the registry offers nothing at all; there is a login", [], ANN),
    ]
    for story, challenges, login in cases:
        found, _ = authorized(challenges, login)
        mistakes = {
            "basic-for-whatever": isinstance(found, str) and login is not None,
            "error-by-accident": isinstance(found, Raised) or found is None,
        }
        expect(found, Raises(LoginNeeded), story=story, mistakes=mistakes)
        expect(found.error.status, 401, story=f"{story}; the status of the error")
        expect_silence(found, tells_secret(found), story, "secret-in-message")

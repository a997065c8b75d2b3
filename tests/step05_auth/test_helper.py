"""The credential-helper protocol, with helpers that are real programs."""

import time

import pytest

from minicontainer import explain
from minicontainer.lib.credential_helper import HelperError
from minicontainer.step04_registry.token import Credentials
from minicontainer.step05_auth import helper as helper_module
from minicontainer.step05_auth.helper import ask_helper
from tests.waiting import HANG

ECHO = """
assert sys.argv[1:] == ["get"], sys.argv
server = sys.stdin.read()
print(json.dumps({"ServerURL": server, "Username": "u", "Secret": f"<{server}>"}))
"""


def test_the_server_goes_in_and_the_login_comes_out(helper):
    helper("echo", ECHO)
    assert ask_helper("echo", "reg.example") == Credentials("u", "<reg.example>")


def test_an_identity_token(helper):
    helper("token", 'print(json.dumps({"Username": "<token>", "Secret": "it"}))')
    assert ask_helper("token", "reg.example") == Credentials("<token>", "", "it")


@pytest.mark.parametrize("ending", ["", "\\n", " (reg.example)\\n"])
def test_not_found_is_an_answer(helper, ending):
    helper(
        "none", f"sys.stdout.write('credentials not found in native keychain{ending}'); sys.exit(1)"
    )
    assert ask_helper("none", "reg.example") is None


def test_an_empty_login_is_none(helper):
    helper("empty", 'print(json.dumps({"ServerURL": "x", "Username": "", "Secret": ""}))')
    assert ask_helper("empty", "reg.example") is None


def test_a_helper_that_does_not_listen(helper):
    helper("deaf", 'os.close(0); print(json.dumps({"Username": "u", "Secret": "p"}))')
    assert ask_helper("deaf", "reg.example" * 100_000) == Credentials("u", "p")


GARBAGE = [
    "print('secret')",
    "print('{')",
    "print('[' * 100000)",
    "print('[]')",
    "print('null')",
    "print(json.dumps({'Username': 'u'}))",
    "print(json.dumps({'Username': 'u', 'Secret': ['secret']}))",
    "print(json.dumps({'Username': 7, 'Secret': 'secret'}))",
    "print(json.dumps({'Username': 'u', 'Secret': 'secret\\ud800'}))",
    "sys.stdout.buffer.write(b'\\xff\\xfe')",
    "pass",
]


@pytest.mark.parametrize("code", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage(helper, code):
    helper("garbage", code)
    with pytest.raises(HelperError, match="did not answer as a credential helper does") as raised:
        ask_helper("garbage", "reg.example")
    assert "secret" not in str(raised.value)


def test_a_helper_that_fails_is_named_but_not_quoted(helper):
    program = helper("fails", "print('the secret is secret'); sys.exit(3)")
    with pytest.raises(HelperError, match="failed with exit status 3") as raised:
        ask_helper("fails", "reg.example")
    assert str(program) in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_helper_that_hangs(helper, monkeypatch):
    monkeypatch.setattr(helper_module, "PATIENCE_SECONDS", 0.3)
    helper("hangs", "time.sleep(200)")
    began = time.monotonic()
    with pytest.raises(HelperError, match=r"gave no answer in 0\.3 seconds"):
        ask_helper("hangs", "reg.example")
    assert time.monotonic() - began < HANG


def test_a_helper_that_hangs_with_a_child_that_holds_the_pipe(helper, monkeypatch):
    monkeypatch.setattr(helper_module, "PATIENCE_SECONDS", 0.3)
    helper("forks", "os.fork() and os._exit(0); time.sleep(2)")
    with pytest.raises(HelperError, match="gave no answer"):
        ask_helper("forks", "reg.example")


def test_a_helper_that_is_not_there_or_cannot_run(helper):
    with pytest.raises(HelperError, match="docker-credential-nowhere: is not installed"):
        ask_helper("nowhere", "reg.example")
    helper("broken", "").write_text("#!/no/such/interpreter\n")
    with pytest.raises(HelperError, match="cannot be started"):
        ask_helper("broken", "reg.example")


@pytest.mark.parametrize(
    "name", ["", "../sh", "/bin/sh", "a/b", ".hidden", "-x", "a b", "a\n", "ü"]
)
def test_a_name_that_is_a_path_or_worse(name):
    with pytest.raises(HelperError, match="is no credential helper's name"):
        ask_helper(name, "reg.example")


def test_what_is_told_holds_no_secret(helper):
    helper("echo", ECHO)
    events = []
    explain.listener = events.append
    try:
        found = ask_helper("echo", "reg.example")
    finally:
        explain.listener = None
    assert "docker-credential-echo for reg.example" in events[0]["text"]
    assert found.password not in str(events)

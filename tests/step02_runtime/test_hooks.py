"""Hooks: when, in which order, with what on standard input, and what a failure means."""

from __future__ import annotations

import json
import os
import sys
import time

import pytest

from minicontainer.errors import HookFailed
from minicontainer.step02_runtime.hooks import run_hooks
from tests.waiting import HANG

KINDS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]


def shell(script: str, **more) -> dict:
    return {"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/bin"], **more}


def test_they_run_in_order_and_read_the_state(tmp_path):
    told = tmp_path / "told"
    hooks = {"prestart": [shell(f"echo {n} >> {told}; cat >> {told}") for n in (1, 2)]}
    run_hooks(hooks, "prestart", {"id": "x"})
    assert told.read_text() == '1\n{"id": "x"}2\n{"id": "x"}'
    run_hooks(hooks, "poststop", {})
    run_hooks({}, "prestart", {})


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        (shell("exit 3"), "status 3"),
        (shell("kill -9 $$"), "signal 9"),
        (shell("exec sleep 200", timeout=1), "timeout"),
        ({"path": "/no/such/hook"}, "could not be started"),
    ],
)
def test_a_failure_ends_it_except_after_the_start(tmp_path, hook, words, capfd):
    later = shell(f"echo ran >> {tmp_path}/later")
    began = time.monotonic()
    with pytest.raises(HookFailed, match=words) as caught:
        run_hooks({"createRuntime": [hook, later]}, "createRuntime", {})
    assert "createRuntime[0]" in caught.value.where
    assert not (tmp_path / "later").exists()
    assert time.monotonic() - began < HANG
    for count, kind in enumerate(("poststart", "poststop"), 1):
        if words == "timeout":
            continue  # a second each
        run_hooks({kind: [hook, later]}, kind, {})
        assert (tmp_path / "later").read_text() == "ran\n" * count
        assert f"{kind}[0]" in capfd.readouterr().err


def test_environment_only_from_the_hook(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET", "1")
    hook = {"path": "/usr/bin/env", "env": ["A=1"]}
    code = f"/usr/bin/env -i A=1 /usr/bin/env > {tmp_path}/env"
    run_hooks({"prestart": [shell(code), hook]}, "prestart", {})
    assert "SECRET" not in (tmp_path / "env").read_text()


def test_a_hook_that_does_not_read_is_no_failure():
    run_hooks({"prestart": [shell("exec <&-; exit 0")]}, "prestart", {"x": "y" * 200000})


def test_all_six_in_a_life(both):
    told = both.top / "told"
    both._own_file(told)
    root = both.own_root()
    config = both.config("sh", "-c", "echo program >> /told; sleep 60")
    share = {"destination": "/told", "type": "bind", "source": str(told), "options": ["bind"]}
    # a hook notes its kind, the status it is told and whether it sees the host's files
    code = (
        "import json,os,sys; s=json.load(sys.stdin); print(sys.argv[1], s['status'], s['pid'] > 0)"
    )

    def note(kind):
        args = ["python", "-c", code, kind]
        script = f'"$@" >> {told}'
        return {"path": "/bin/sh", "args": ["sh", "-c", script, "sh", sys.executable, *args[1:]]}

    hooks = {kind: [note(kind)] for kind in KINDS}
    hooks["startContainer"] = [shell("read state; echo startContainer $state >> /told")]
    both.create(*config["process"]["args"], hooks=hooks, mounts=[*config["mounts"], share],
                root={"path": str(root)})  # fmt: skip
    assert told.read_text().splitlines() == [
        "prestart creating True", "createRuntime creating True", "createContainer creating True",
    ]  # fmt: skip
    both.call("start", both.id)
    both.call("kill", both.id, "KILL")
    both.wait_for("stopped")
    both.call("delete", both.id)
    lines = told.read_text().splitlines()[3:]
    state = json.loads(lines[0].removeprefix("startContainer "))
    assert (state["id"], state["status"]) == (both.id, "created")
    assert lines[-1] == "poststop stopped False"
    assert sorted(lines[1:-1]) in (
        ["poststart running True"],
        ["poststart running True", "program"],
    )


@pytest.mark.parametrize("kind", ["prestart", "createRuntime", "createContainer"])
def test_a_failing_hook_undoes_create(both, kind):
    done = both.create("sleep", "60", hooks={kind: [shell("exit 5")]}, ok=False)
    assert f"hook {kind}[0]" in done.stderr and "status 5" in done.stderr
    assert both.left_behind() == []


def test_a_failing_start_hook_stops_the_container(both):
    both.create("sleep", "60", hooks={"startContainer": [shell("exit 5")]})
    assert "startContainer[0]" in both.call("start", both.id, ok=False).stderr
    both.wait_for("stopped")


def test_a_failing_poststop_is_only_warned_of(runtime):
    hooks = {"poststart": [shell("exit 5")], "poststop": [shell("exit 6")]}
    runtime.create("sleep", "60", hooks=hooks)
    assert "poststart[0]" in runtime.call("start", runtime.id).stderr
    assert runtime.state()["status"] == "running"
    assert "poststop[0]" in runtime.call("delete", "--force", runtime.id).stderr
    assert not os.path.exists(runtime.state_root / runtime.id)

"""chroot-demo as a person sees it: the whole story, nothing left behind, clear refusals."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from minicontainer.lib import refusal
from tests.programs import needs_namespaces
from tests.step01_chroot.throwaway import play

COMMAND = [
    sys.executable,
    "-c",
    "import sys; from minicontainer.cli.minicontainer import main; sys.exit(main())",
    "chroot-demo",
]


def _environment(tmp_path):
    return {**os.environ, "TMPDIR": str(tmp_path), "COLUMNS": "500"}


@needs_namespaces
def test_the_whole_story(tmp_path):
    done = subprocess.run(
        COMMAND, capture_output=True, text=True, timeout=60, env=_environment(tmp_path)
    )
    assert done.returncode == 0, done.stderr
    assert "inside, / holds: bin" in done.stdout
    assert "/bin/sh: No such file or directory" in done.stderr
    assert "exit status 127; and yet /bin holds" in done.stderr
    refused, reached, stopped = [
        line.split("outside.txt: ")[1] for line in done.stderr.splitlines() if "cat /" in line
    ]
    assert refused == stopped == "No such file or directory"
    assert reached == "I belong to the machine, not to the jail."
    assert os.listdir(tmp_path) == []
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()


@needs_namespaces
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("wait", [0, 0.02, 0.04, 0.06])
def test_interrupted_it_leaves_nothing(tmp_path, number, wait):
    demo = subprocess.Popen(
        COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment(tmp_path)
    )
    while not os.listdir(tmp_path) and demo.poll() is None:
        time.sleep(0.01)
    time.sleep(wait)
    demo.send_signal(number)
    _, errors = demo.communicate(timeout=60)
    # The last two: it was over already, or Python itself was not up yet.
    assert demo.returncode in (130, 0, -number), errors
    assert b"Traceback" not in errors
    assert os.listdir(tmp_path) == []


def test_a_signal_at_a_fork_is_not_lost(tmp_path):
    code = """
    import os, signal
    from minicontainer.cli.minicontainer import main
    tell = lambda: os.kill(os.getpid(), signal.SIGTERM)
    os.register_at_fork(after_in_parent=tell)
    sys.exit(main(["chroot-demo"]))
    """
    done = play(code, env=_environment(tmp_path))
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
    assert os.listdir(tmp_path) == []


@needs_namespaces
@pytest.mark.parametrize("fails", [False, True])
def test_a_signal_at_the_end_does_not_stop_the_tidying_up(tmp_path, fails):
    code = """
    from minicontainer.cli import chroot_demo as demo
    from minicontainer.cli.minicontainer import main
    really, told = signal.signal, []
    def late(number, handler):
        if handler is signal.SIG_IGN and not told:
            told.append(number)
            os.kill(os.getpid(), signal.SIGTERM)
        return really(number, handler)
    signal.signal = late
    if sys.argv[1] == "True":
        demo.SHELL = "/no/such/shell"
    sys.exit(main(["chroot-demo"]))
    """
    done = play(code, fails, env=_environment(tmp_path))
    assert done.returncode == 130, done.stderr
    assert os.listdir(tmp_path) == []


@needs_namespaces
def test_where_namespaces_are_forbidden(tmp_path):
    code = """
    from minicontainer.cli.minicontainer import main
    new_namespaces(linux.CLONE_NEWUSER)
    for kind in ("user", "mnt"):
        write(f"/proc/sys/user/max_{kind}_namespaces", "0")
    sys.exit(main(["chroot-demo"]))
    """
    done = play(code, env=_environment(tmp_path))
    assert done.returncode == 1
    assert "CLONE_NEWNS): No space left on device" in done.stderr
    assert "sudo sysctl -w user.max_user_namespaces=15000" in done.stderr
    assert "Traceback" not in done.stderr
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"kernel.apparmor_restrict_unprivileged_userns": "1"}, "restrict_unprivileged_userns=0"),
        ({"kernel.unprivileged_userns_clone": "0"}, "unprivileged_userns_clone=1"),
        ({"user.max_mnt_namespaces": "0"}, "max_mnt_namespaces=15000"),
    ],
)
def test_the_advice_names_the_setting(monkeypatch, settings, advice):
    monkeypatch.setattr(refusal, "_setting", lambda name: settings.get(name, ""))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    problem = refusal.why_refused(PermissionError(1, "Operation not permitted"))
    assert problem.what == "this machine does not allow it: Operation not permitted"
    assert problem.hint.endswith(advice)


def test_the_advice_for_a_limit_that_is_used_up(monkeypatch):
    monkeypatch.setattr(refusal, "_setting", lambda name: "")
    problem = refusal.why_refused(OSError(28, "No space left on device"))
    assert "0 or used up" in problem.hint and "user.max_user_namespaces" in problem.hint


def test_help():
    done = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "chroot-demo" in done.stdout

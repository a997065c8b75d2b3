"""`minicontainer demo` at a terminal: every act, back and again, Ctrl-C; and nothing left."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time

import pytest

from minicontainer.cli.demo import ACTS, choose_acts
from minicontainer.errors import MinicontainerError

from ..programs import needs_namespaces
from ..waiting import until

PROMPT = re.compile(r"\[Enter [^\]]*\] $")
SECONDS = 60


class Terminal:
    """The demo at a terminal of its own; what it wrote is in `seen`."""

    def __init__(self, directory, *arguments):
        self.directory = directory
        ours, theirs = pty.openpty()
        settings = termios.tcgetattr(theirs)
        settings[1] &= ~termios.OPOST
        termios.tcsetattr(theirs, termios.TCSANOW, settings)
        self.ours, self.seen = ours, ""
        command = [sys.executable, "-m", "minicontainer.cli.minicontainer", "demo", *arguments]
        self.child = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TMPDIR": str(directory), "NO_COLOR": "1"},
        )
        os.close(theirs)

    def until(self, pattern):
        """Read up to something new that looks like `pattern`; what came."""
        start, deadline = len(self.seen), time.monotonic() + SECONDS
        while not re.search(pattern, self.seen[start:]):
            assert time.monotonic() < deadline, self.seen[-2000:]
            if select.select([self.ours], [], [], 1)[0]:
                try:
                    self.seen += os.read(self.ours, 1 << 16).decode(errors="replace")
                except OSError:  # the demo has ended
                    break
        return self.seen[start:]

    def types(self, keys):
        os.write(self.ours, keys.encode())

    def stops(self, pattern):
        """Ctrl-C, once."""
        self.types("\x03")
        return self.until(pattern)

    def ends(self):
        self.until("never shown")
        return self.child.wait(SECONDS)


def left_in(directory):
    """What is there; but this user's runtime directory stays where there is no /run/user/UID."""
    return [name for name in os.listdir(directory) if name != f"minirunc-{os.getuid()}"]


@pytest.fixture
def terminal(tmp_path):
    running = []

    def start(*arguments):
        running.append(Terminal(tmp_path, *arguments))
        return running[-1]

    yield start
    for one in running:
        one.child.kill()
        one.child.wait()
        os.close(one.ours)
        with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
            assert str(tmp_path) not in mounts.read()
        assert left_in(tmp_path) == [], "the demo left files behind"


@pytest.mark.slow
@needs_namespaces
def test_every_act_from_the_first_to_the_last(terminal):
    demo = terminal()
    for act in ACTS:
        shown = demo.until(PROMPT)
        assert act.name.upper() in shown and act.about in shown
        for command in act.commands:
            assert f"$ {command}" in shown
        demo.types("\n")
    assert demo.ends() == 0
    assert "error" not in demo.seen.lower()


@needs_namespaces
def test_repeat_back_and_quit(terminal):
    demo = terminal("names", "login")
    assert "1/2  NAMES" in demo.until(PROMPT)
    demo.types("r\n")
    assert "1/2  NAMES" in demo.until(PROMPT)
    demo.types("\n")
    assert "2/2  LOGIN" in demo.until(PROMPT)
    demo.types("b\n")
    assert "1/2  NAMES" in demo.until(PROMPT)
    demo.types("q\n")
    assert demo.ends() == 0


@needs_namespaces
def test_ctrl_c_stops_an_act_and_not_the_demo(terminal):
    demo = terminal("2")
    demo.until("state list")
    demo.stops(r"\[stopped\](.|\n)*\[Enter [^\]]*\] $")
    demo.types("r\n")
    assert "sleep" in demo.until(PROMPT), "the act can be played again"
    demo.types("q\n")
    assert demo.ends() == 0


def test_the_end_of_the_input_ends_the_demo(terminal):
    demo = terminal("names")
    demo.until(PROMPT)
    demo.types("\x04")
    assert demo.ends() == 0


def test_ctrl_c_at_the_prompt_ends_the_demo(terminal):
    demo = terminal("names")
    demo.until(PROMPT)
    demo.stops("never shown")
    assert demo.ends() == 130


def test_the_clock_goes_on_by_itself(terminal):
    demo = terminal("names", "login", "--auto", "0.1")
    assert demo.ends() == 0
    assert "[Enter" not in demo.seen and "ada:engine" in demo.seen


def test_without_a_terminal_it_plays_on_and_leaves_nothing(tmp_path):
    command = [sys.executable, "-m", "minicontainer.cli.minicontainer", "demo", "login"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
        env=environment, timeout=SECONDS,
    )  # fmt: skip
    assert "ada:engine" in done.stdout
    assert os.listdir(tmp_path) == []


def test_a_sigterm_ends_it_cleanly(tmp_path):
    command = [
        sys.executable,
        "-m",
        "minicontainer.cli.minicontainer",
        "demo",
        "login",
        "--auto",
        "60",
    ]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    assert any("base64 -d" in line for line in child.stdout)
    child.send_signal(signal.SIGTERM)
    assert child.wait(SECONDS) == 143
    child.stdout.close()
    assert os.listdir(tmp_path) == []


def mounts_of(pid):
    """A container's root filesystem lies in its bundle."""
    try:
        with open(f"/proc/{pid}/mountinfo", encoding="utf-8") as mounts:
            return mounts.read()
    except OSError:
        return ""


@needs_namespaces
@pytest.mark.parametrize("whole_group", [True, False])
def test_a_sigkill_leaves_no_container_and_no_files(tmp_path, whole_group):
    command = [sys.executable, "-m", "minicontainer.cli.minicontainer", "demo", "runtime"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    demo = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        text=True, env=environment, start_new_session=True,
    )  # fmt: skip
    for line in demo.stdout:
        if "state list" in line:
            break
    if whole_group:
        os.killpg(demo.pid, signal.SIGKILL)
    else:
        demo.kill()
    demo.wait(SECONDS)
    demo.stdout.close()
    until(lambda: not left_in(tmp_path))
    assert left_in(tmp_path) == []
    assert not [pid for pid in os.listdir("/proc") if str(tmp_path) in mounts_of(pid)]


def test_acts_by_name_and_by_step():
    assert [act.name for act in choose_acts(["4"])] == ["names", "pull", "share"]
    assert [act.name for act in choose_acts(["01", "after"])] == ["chroot", "after"]
    assert choose_acts([]) == list(ACTS)
    assert {act.step for act in ACTS} == set(range(1, 7))


@pytest.mark.parametrize("word", ["dance", "7"])
def test_an_act_that_is_not_there(word):
    with pytest.raises(MinicontainerError, match="no act") as failed:
        choose_acts([word])
    assert "chroot, names" in failed.value.hint

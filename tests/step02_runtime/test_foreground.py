"""`run` in the foreground: signals, the terminal, and what happens when we are killed."""

from __future__ import annotations

import array
import fcntl
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time

import pytest

from minicontainer.step02_runtime.state import start_time
from tests.waiting import HANG, until

CATCH = "trap 'echo got; exit 5' {}; echo ready; while :; do sleep 0.05; done"


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "USR1"])
def test_signals_reach_the_program(runtime, name):
    bundle = runtime.bundle("sh", "-c", CATCH.format(name))
    with runtime.popen(
        "run", "-b", bundle, runtime.id, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout.readline() == "ready\n"
        running.send_signal(getattr(signal, f"SIG{name}"))
        assert running.stdout.read() == "got\n"
        assert running.wait(60) == 5
    assert runtime.left_behind() == []


def test_killed_from_outside(both):
    bundle = both.bundle("sh", "-c", "echo ready; exec sleep 60")
    with both.popen("run", "-b", bundle, both.id, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout.readline() == "ready\n"
        both.call("kill", both.id, "KILL")
        assert running.wait(60) == 137
    assert both.left_behind() == []


def test_kill_9_of_the_runtime_ends_the_container_and_leaves_nothing(both):
    bundle = both.bundle("sh", "-c", "echo ready; sleep 61 & sleep 60")
    with both.popen("run", "-b", bundle, both.id, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout.readline() == "ready\n"
        pid = both.state()["pid"]
        running.kill()
        assert running.stdout.read() == ""  # every holder of the pipe is gone
    assert until(lambda: start_time(pid) is None)
    assert until(lambda: both.left_behind() == [])


DIE_WITH_PARENT = """
import sys, time
from minicontainer.step02_runtime import lifecycle
root, bundle, id = sys.argv[1:]
lifecycle.create(root, id, bundle, die_with_parent=True)
lifecycle.start(root, id)
print("ready", flush=True)
time.sleep(60)
"""


def test_init_dies_with_its_parent_when_asked(both):
    arguments = [str(both.state_root), both.bundle("sleep", "60"), both.id]
    command = [sys.executable, "-c", DIE_WITH_PARENT, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, **both.options()) as parent:
        assert parent.stdout.readline() == b"ready\n"
        assert both.state()["status"] == "running"
        parent.kill()
    both.wait_for("stopped")


def test_detached_outlives_the_runtime(runtime):
    bundle = runtime.bundle("sleep", "60")
    runtime.quietly("run", "--detach", "-b", bundle, runtime.id)
    time.sleep(0.05)
    assert runtime.state()["status"] == "running"


def test_a_failing_run_leaves_nothing_and_spares_the_other(runtime):
    runtime.create("sleep", "60")
    bundle = runtime.bundle("sh")
    assert "exists already" in runtime.call("run", "-b", bundle, runtime.id, ok=False).stderr
    assert runtime.state()["status"] == "created"


class Screen:
    """A person at a terminal: a child under a pty, what it shows, what is typed."""

    def __init__(self, runtime, *arguments, rows=40, columns=101):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
                options = runtime.options()
                if "user" in options:
                    os.setgroups([])
                    os.setgid(options["group"])
                    os.setuid(options["user"])
                os.chdir("/")
                command = runtime.command(*arguments)
                os.execve(command[0], command, options["env"])
            finally:
                os._exit(99)
        self.shown = ""

    def wait_for(self, text):
        end = time.monotonic() + HANG
        while text not in self.shown and time.monotonic() < end:
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.shown += os.read(self.fd, 4096).decode()
                except OSError:
                    break
        assert text in self.shown, self.shown

    def type(self, text):
        os.write(self.fd, text.encode())

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def end(self):
        while select.select([self.fd], [], [], HANG)[0]:
            try:
                self.shown += os.read(self.fd, 4096).decode()
            except OSError:
                break
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.fd)
        return status


def test_run_with_a_terminal(both):
    bundle = both.bundle("sh", process__terminal=True)
    screen = Screen(both, "run", "-b", bundle, both.id)
    screen.type("tty; stty size; test -c /dev/console && echo con''sole\n")
    screen.wait_for("/dev/pts/0")
    screen.wait_for("40 101")
    screen.wait_for("console")
    screen.resize(30, 80)
    screen.type("until [ \"$(stty size)\" = '30 80' ]; do sleep 0.1; done; echo resi''zed\n")
    screen.wait_for("resized")
    # A program that has the terminal when it speaks; the shell may not have given it away before.
    screen.type("""sh -c "trap exit INT; echo begin''ning; while :; do sleep 0.1; done"\n""")
    screen.wait_for("beginning")
    screen.type("\x03")  # Ctrl-C goes to the program in the container
    screen.type("echo still''here\n")
    screen.wait_for("stillhere")
    screen.type("exit 6\n")
    assert screen.end() == 6
    assert both.left_behind() == []


def test_exec_with_a_terminal(both):
    both.create("sleep", "60")
    both.call("start", both.id)
    screen = Screen(both, "exec", "-t", both.id, "sh", "-c", "tty; stty size; exit 4")
    assert screen.end() == 4
    assert "/dev/pts/0" in screen.shown and "40 101" in screen.shown


@pytest.mark.parametrize("killed", [False, True])
def test_the_outer_terminal_is_restored(runtime, killed):
    bundle = runtime.bundle("sh", process__terminal=True)
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    command = runtime.command("run", "-b", bundle, runtime.id)
    options = {"stdin": slave, "stdout": slave, "stderr": slave, **runtime.options()}
    with subprocess.Popen(command, **options) as running:
        assert until(lambda: termios.tcgetattr(slave) != before)
        if killed:
            runtime.call("kill", runtime.id, "KILL")
        else:
            os.write(master, b"exit\n")
        assert running.wait(60) == (137 if killed else 0)
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)


def receive_terminal(listener: socket.socket) -> int:
    connection, _ = listener.accept()
    with connection:
        numbers = array.array("i")
        _, extra, _, _ = connection.recvmsg(100, socket.CMSG_SPACE(numbers.itemsize))
        numbers.frombytes(extra[0][2])
    return numbers[0]


def test_console_socket(both):
    path = both.top / "console"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        both._own(path)
        listener.listen()
        size = {"height": 12, "width": 34}
        bundle = both.bundle("sh", "-c", "stty size; read x; echo got $x",
                             process__terminal=True, process__consoleSize=size)  # fmt: skip
        both.call("create", "-b", bundle, "--console-socket", str(path), both.id)
        master = receive_terminal(listener)
        both.call("start", both.id)
        os.write(master, b"word\n")
        shown = b""
        while b"got word" not in shown:
            assert select.select([master], [], [], HANG)[0], shown
            shown += os.read(master, 4096)
        assert b"12 34" in shown
        os.close(master)


def test_a_terminal_that_nobody_takes(runtime):
    done = runtime.create("sh", process__terminal=True, ok=False)
    assert "nobody is there to take it" in done.stderr
    bundle = runtime.bundle("sh", process__terminal=True)
    done = runtime.call(
        "create", "-b", bundle, "--console-socket", "/no/socket", runtime.id, ok=False
    )
    assert "/no/socket" in done.stderr
    assert runtime.left_behind() == []


IN_PROCESS = """
import sys
from minicontainer.step02_runtime import lifecycle
from minicontainer.lib.foreground import Foreground
root, bundle, id = sys.argv[1:]
with Foreground(terminal=False) as foreground:
    console = foreground.console
    pid = lifecycle.create(root, id, bundle, console_socket=console, die_with_parent=True)
    lifecycle.start(root, id)
    print(lifecycle.state(root, id)["status"], flush=True)
    status = foreground.stay(pid)
lifecycle.delete(root, id)
sys.exit(status)
"""


def test_the_pieces_in_one_process(both):
    """As an engine uses them: create, start, stay, delete in a process of its own."""
    arguments = [str(both.state_root), both.bundle("sh", "-c", "read x; exit 8"), both.id]
    with subprocess.Popen([sys.executable, "-c", IN_PROCESS, *arguments], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True, **both.options()) as ours:  # fmt: skip
        assert ours.stdout.readline() == "running\n"
        ours.communicate("go on\n", timeout=HANG)
    assert ours.returncode == 8


TELL = """
import os, sys
from minicontainer import explain
from minicontainer.step02_runtime import lifecycle
root, bundle, id = sys.argv[1:]
explain.listener = lambda event: os.write(1, (event["kind"] + " " + event["text"] + "\\n").encode())
pid = lifecycle.create(root, id, bundle, die_with_parent=True)
lifecycle.start(root, id)
os.waitpid(pid, 0)
lifecycle.delete(root, id)
"""


def test_everything_is_told_by_who_does_it(both):
    """The events of the runtime and of init, which inherits the listener, in one stream."""
    arguments = [str(both.state_root), both.bundle("sh", "-c", "exit 0"), both.id]
    done = subprocess.run(
        [sys.executable, "-c", TELL, *arguments],
        capture_output=True, text=True, timeout=60, check=True, **both.options(),
    )  # fmt: skip
    places = [
        done.stdout.index(words)
        for words in (
            "syscall clone(CLONE_NEW", "syscall mount(proc", "step pivot_root",
            "syscall pivot_root(., .)", "note init waits", "step start",
        )
    ]  # fmt: skip
    assert places == sorted(places)


ERRORS = """
import sys
from minicontainer import errors
from minicontainer.step02_runtime import lifecycle
root, bundle, id, kind = sys.argv[1:]
try:
    lifecycle.create(root, id, bundle, die_with_parent=True)
except getattr(errors, kind) as error:
    print(error.where)
"""


@pytest.mark.parametrize(
    ("program", "kind"),
    [("nosuch", "ProgramNotFound"), ("/etc/passwd", "ProgramNotExecutable")],
)
def test_errors_of_init_keep_their_class(runtime, program, kind):
    arguments = [str(runtime.state_root), runtime.bundle(program), runtime.id, kind]
    done = subprocess.run(
        [sys.executable, "-c", ERRORS, *arguments],
        capture_output=True, text=True, timeout=60, check=True, **runtime.options(),
    )  # fmt: skip
    assert program in done.stdout

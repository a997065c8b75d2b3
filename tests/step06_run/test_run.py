"""`minicontainer run`, as its user sees it: from inside the container and from outside."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import needs_namespaces
from tests.waiting import HANG, until

pytestmark = needs_namespaces


def shell(engine, script: str, *options: str, **more):
    return engine("run", "--rm", *options, "workshop/shell", "sh", "-c", script, **more)


def read_until(stream, text: str) -> str:
    """Lines of a container's output up to the one with `text`."""
    lines = []
    for line in stream:
        lines.append(line)
        if text in line:
            break
    return "".join(lines)


def test_hello_is_pulled_and_says_hello(engine):
    done = engine("run", "--rm", "workshop/hello")
    assert done.returncode == 0, done.stderr
    assert "Hello from a container!" in done.stdout
    assert done.stderr == ""
    assert engine.traces() == []


def test_the_process_is_alone_in_namespaces_of_its_own(shared_engine):
    words = (
        "run",
        "--rm",
        "workshop/shell",
        "sh",
        "-c",
        "echo pid $$; ls -l /proc/self/ns; exec sleep 60",
    )
    command = shared_engine.begin(*words)
    inside = read_until(command.stdout, "uts ->")
    assert "pid 1\n" in inside
    state = json.loads(next(shared_engine.state.glob("*/state.json")).read_text())
    pid = state["init"]["pid"]
    for kind in ("pid", "mnt", "uts", "ipc", "net", "cgroup"):
        ours, theirs = (os.readlink(f"/proc/{who}/ns/{kind}") for who in ("self", pid))
        assert ours != theirs
        assert theirs in inside
    if os.geteuid() != 0:
        assert os.readlink("/proc/self/ns/user") != os.readlink(f"/proc/{pid}/ns/user")
    command.kill()
    command.wait(60)
    assert shared_engine.wait_until_clean() == []


def test_the_root_filesystem_is_the_images_and_the_hosts_is_out_of_reach(shared_engine, tmp_path):
    (tmp_path / "secret").write_text("the host's")
    done = shell(shared_engine, f"cat {tmp_path}/secret; ls /; cat /proc/1/mountinfo | wc -l")
    assert "the host's" not in done.stdout
    assert {"bin", "etc", "proc", "dev"} <= set(done.stdout.split())


def test_hostname_environment_directory_and_home(shared_engine):
    script = "hostname; pwd; echo $A $B $WORKSHOP; env | grep -c XDG_; echo $HOME"
    options = ("--hostname", "box", "-w", "/tmp", "-e", "A=1 2", "-e", "B")
    environment = {**shared_engine.environment, "B": "from outside"}
    done = shell(shared_engine, script, *options, env=environment)
    host, directory, values, leaked, home = done.stdout.splitlines()
    assert (host, directory) == ("box", "/tmp")
    assert values == "1 2 from outside step by step"
    assert leaked == "0"
    assert home.startswith("/")


def test_rights_are_given_up(shared_engine):
    done = shell(shared_engine, "cat /proc/self/status")
    status = dict(re.findall(r"(\w+):\t(.*)", done.stdout))
    sys_admin = 1 << 21
    assert not int(status["CapEff"], 16) & sys_admin
    assert not int(status["CapBnd"], 16) & sys_admin
    assert status["NoNewPrivs"] == "1"


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("workshop/shell", "sh", "-c", "exit 7"), 7),
        (("workshop/shell", "sh", "-c", "sh -c 'kill -TERM $$'"), 143),
        (("--entrypoint", "/bin/nope", "workshop/shell"), 127),
        (("--entrypoint", "nope", "workshop/shell"), 127),
        (("--entrypoint", "/etc/passwd", "workshop/shell"), 126),
        (("--entrypoint", "/etc", "workshop/shell"), 126),
        (("workshop/nope",), 125),
        (("workshop/web:9",), 125),
        (("Not/A/Name",), 125),
        (("--platform", "linux/s390x", "workshop/hello"), 125),
        (("-v", "nonsense", "workshop/hello"), 125),
        (("-m", "much", "workshop/hello"), 125),
        (("--user", "nobody-here", "workshop/shell"), 125),
        (("--pids-limit", "0", "workshop/shell"), 125),
        (("-w", "relative", "workshop/shell"), 125),
        (("-e", "=x", "workshop/shell"), 125),
        (("-e", "", "workshop/shell"), 125),
        (("--bogus", "workshop/shell"), 125),
        (("--network", "bridge", "workshop/shell"), 125),
        ((), 125),
    ],
)
def test_exit_status_and_one_clear_message(shared_engine, words, status):
    done = shared_engine("run", "--rm", *words)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    if status in (125, 126, 127):
        assert done.stderr.startswith("minicontainer: ")
        assert len(done.stderr.splitlines()) <= 3
    assert shared_engine.wait_until_clean() == []


def test_a_signal_that_ends_the_process_gives_128_and_its_number(shared_engine):
    command = shared_engine.begin("run", "--rm", "workshop/shell", "sleep", "60")
    state = until(lambda: next(shared_engine.state.glob("*/state.json"), None))
    pid = until(lambda: json.loads(state.read_text())["init"])["pid"]
    assert until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n")
    os.kill(pid, signal.SIGKILL)
    assert command.wait(60) == 137
    assert shared_engine.wait_until_clean() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_reach_the_process(shared_engine, number):
    script = f"trap 'echo got it; exit 9' {number.value}; echo ready; while :; do sleep 0.1; done"
    command = shared_engine.begin("run", "--rm", "workshop/shell", "sh", "-c", script)
    read_until(command.stdout, "ready")
    command.send_signal(number)
    output, _ = command.communicate(timeout=60)
    assert "got it" in output
    assert command.returncode == 9


def test_standard_input_passes_through_only_when_asked_for(shared_engine):
    assert shell(shared_engine, "cat", "-i", input="a line\n").stdout == "a line\n"
    assert shell(shared_engine, "cat", input="a line\n").stdout == ""


def test_output_and_errors_stay_apart(shared_engine):
    done = shell(shared_engine, "echo out; echo err >&2")
    assert (done.stdout, done.stderr) == ("out\n", "err\n")


def test_closed_streams_are_no_failure(shared_engine):
    words = " ".join(shared_engine.command("run", "--rm", "workshop/shell", "sh", "-c"))
    environment = {**shared_engine.environment, "LC_ALL": "C"}
    for closed, seen in ((">&-", ""), ("2>&-", "out\n"), ("<&-", "out\n"), ("<&- >&- 2>&-", "")):
        script = f"{words} 'echo out; echo err >&2; exit 4' {closed}"
        done = subprocess.run(
            ["sh", "-c", script], env=environment, capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stdout) == (4, seen), done.stderr
        assert done.stderr in ("", "err\n")


def test_a_terminal_is_a_real_one(shared_engine):
    pid, master = pty.fork()
    if pid == 0:
        words = shared_engine.command("run", "--rm", "-it", "workshop/shell", "sh")
        os.execve(words[0], words, shared_engine.environment)
    answers = b""
    os.write(master, b"test -t 0 && test -t 1 && echo is$((1))tty; ls -l /dev/console; exit 5\n")
    while select.select([master], [], [], HANG)[0]:
        try:
            answers += os.read(master, 4096)
        except OSError:
            break
    assert b"is1tty" in answers
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
    os.close(master)


def test_a_volume_is_the_hosts_directory(shared_engine, tmp_path):
    (tmp_path / "page").write_text("from the host\n")
    done = shell(shared_engine, "cat /data/page; echo new > /data/new", "-v", f"{tmp_path}:/data")
    assert done.stdout == "from the host\n"
    assert (tmp_path / "new").read_text() == "new\n"
    done = shell(shared_engine, "echo x > /data/no", "-v", f"{tmp_path}:/data:ro")
    assert done.returncode != 0
    assert not (tmp_path / "no").exists()


def test_read_only_and_writable_roots(shared_engine):
    assert shell(shared_engine, "touch /new && ls /new").stdout == "/new\n"
    assert shell(shared_engine, "touch /new", "--read-only").returncode != 0
    assert "/new" not in shell(shared_engine, "ls -d /new").stdout, "the image must not change"


def test_the_network_is_its_own_unless_the_hosts_is_asked_for(shared_engine):
    script = "ls -l /proc/self/ns/net; cat /proc/net/dev"
    own, host = (shell(shared_engine, script, "--network", kind) for kind in ("none", "host"))
    here = os.readlink("/proc/self/ns/net")
    assert here not in own.stdout
    assert here in host.stdout, host.stderr
    assert re.findall(r"^\s*(\S+):", own.stdout, re.M)[-1] == "lo"


def test_kill_9_of_the_command_leaves_nothing(shared_engine):
    command = shared_engine.begin("run", "--rm", "workshop/shell", "sh", "-c", "echo up; sleep 60")
    read_until(command.stdout, "up")
    assert shared_engine.traces()
    command.kill()
    command.wait()
    assert shared_engine.wait_until_clean() == []


def test_kill_9_of_command_and_monitor_is_swept_up_by_the_next_command(shared_engine):
    command = shared_engine.begin("run", "--rm", "workshop/shell", "sh", "-c", "echo up; sleep 60")
    read_until(command.stdout, "up")
    init = json.loads(next(shared_engine.state.glob("*/state.json")).read_text())["init"]["pid"]
    children = Path(f"/proc/{command.pid}/task/{command.pid}/children").read_text().split()
    for child in children:
        if int(child) != init:
            os.kill(int(child), signal.SIGKILL)
    command.kill()
    command.wait()
    assert shared_engine("run", "--rm", "workshop/hello").returncode == 0
    assert shared_engine.wait_until_clean() == []


def test_a_container_without_rm_stays_until_it_is_removed(shared_engine):
    done = shared_engine(
        "run", "--name", "kept", "workshop/shell", "sh", "-c", "echo x > /x; exit 3"
    )
    assert done.returncode == 3
    row = shared_engine("ps", "-a").stdout.splitlines()[1]
    assert "kept" in row
    assert "exited (3)" in row
    assert "/bin/entrypoint sh -c" in row
    assert shared_engine("ps").stdout.count("\n") == 1
    again = shared_engine("run", "--name", "kept", "workshop/hello")
    assert again.returncode == 125
    assert "in use" in again.stderr
    assert "in use" in shared_engine("rmi", "workshop/shell").stderr
    assert shared_engine("rm", "kept").stdout == "kept\n"
    assert shared_engine.traces() == []


def test_a_running_container_is_removed_only_by_force(shared_engine):
    command = shared_engine.begin(
        "run", "--name", "busy", "workshop/shell", "sh", "-c", "echo up; sleep 60"
    )
    read_until(command.stdout, "up")
    refused = shared_engine("rm", "busy")
    assert refused.returncode == 1
    assert "--force" in refused.stderr
    assert command.poll() is None
    assert shared_engine("rm", "-f", "busy").returncode == 0
    assert command.wait(60) == 137
    assert shared_engine.wait_until_clean() == []


def test_what_explain_tells_is_what_was_done(engine):
    done = engine("--explain", "run", "--rm", "workshop/hello")
    assert done.returncode == 0, done.stderr
    assert "Hello from a container!" in done.stdout
    told = done.stderr
    digest = json.loads((engine.store / "index.json").read_text())["manifests"][0]["digest"]
    assert "curl -s" in told
    assert "Authorization: Bearer $TOKEN" in told
    assert digest.partition(":")[2][:12] in told
    order = ["401", "verified", "unpack", "CLONE_NEWPID", "pivot_root(", "Clean up"]
    places = [told.index(word) for word in order]
    assert places == sorted(places)
    numbers = [int(n) for n in re.findall(r"^ ?(\d+) [A-Z]", told, re.M)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_requests_that_explain_tells_can_be_typed(engine):
    told = engine("--explain", "pull", "workshop/hello").stderr
    curls = [
        shlex.split(line.strip()[2:].partition("  [")[0])
        for line in told.splitlines()
        if line.strip().startswith("$ curl")
    ]
    assert len(curls) >= 4
    for words in curls:
        assert words[0] == "curl"
        assert words[-1].startswith("http://127.0.0.1:")
        assert not any("\n" in word for word in words)


def test_ctrl_c_before_the_monitor_stands_by_leaves_nothing(shared_engine):
    code = (
        "import sys; from minicontainer.step06_run import engine\n"
        "from minicontainer.cli.minicontainer import main\n"
        "def interrupted(clean): raise KeyboardInterrupt\n"
        "engine.start_monitor = interrupted; sys.exit(main(['run', '--rm', *sys.argv[1:]]))"
    )
    for asked in ([], ["--explain"]):
        words = [sys.executable, "-c", code, *asked, "workshop/hello"]
        done = subprocess.run(words, env=shared_engine.environment, capture_output=True, text=True)
        assert done.returncode == 130 and "clean up" not in done.stderr
        assert shared_engine.traces() == []


@pytest.mark.parametrize("when", ["at the prompt", "at any moment"])
def test_ctrl_c_at_a_step_ends_it_at_once(shared_engine, when):
    pid, master = pty.fork()
    if pid == 0:
        words = shared_engine.command("run", "--rm", "--step", "workshop/hello")
        os.execve(words[0], words, shared_engine.environment)
    told = seen_on(master, prompts=1)
    os.write(master, b"\n")
    told += seen_on(master, prompts=1) if when == "at the prompt" else b""
    os.write(master, b"\x03")
    told += seen_on(master)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    assert told.count(b"[Enter goes on]") <= 2
    assert shared_engine.wait_until_clean() == []
    os.close(master)


def seen_on(master: int, prompts: int = 100) -> bytes:
    """What is printed until that many prompts have come, or all has ended."""
    told = b""
    while told.count(b"[Enter goes on]") < prompts:
        assert select.select([master], [], [], HANG)[0], told
        try:
            told += os.read(master, 4096)
        except OSError:
            break
    return told

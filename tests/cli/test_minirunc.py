"""The command itself, and the same questions put to runc."""

from __future__ import annotations

import ast
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import minicontainer.step02_runtime
from minicontainer.lib.default_config import default_config
from tests.programs import needs, needs_root
from tests.runtimes import Runtime

VERBS = ["spec", "create", "start", "state", "kill", "delete", "list", "run", "exec", "ps"]


@pytest.mark.parametrize("verb", VERBS)
def test_every_command_has_help_with_an_example(runtime, verb):
    assert f"minirunc {verb}" in runtime.call(verb, "--help").stdout
    assert verb in runtime.call("--help").stdout


def test_version(runtime):
    first, second = runtime.call("--version").stdout.splitlines()
    assert first.startswith("minirunc version ") and second.startswith("spec: 1.")


def test_spec_writes_what_run_takes(both):
    assert both.call("spec", *["--rootless"] * both.rootless, "-b", str(both.top)).stdout == ""
    written = json.loads((both.top / "config.json").read_text())
    assert written["process"]["args"] == ["sh"]
    if not both.rootless:
        assert written == default_config()
    assert "exists already" in both.call("spec", "-b", str(both.top), ok=False).stderr
    (both.top / "rootfs").symlink_to(both.tools)
    text = (both.top / "config.json").read_text().replace('"terminal": true', '"terminal": false')
    (both.top / "config.json").write_text(text)
    done = both.call("run", "-b", str(both.top), both.id, input="echo $((6*7)); exit 3", ok=False)
    assert (done.stdout, done.returncode) == ("42\n", 3)


@pytest.mark.parametrize("shape", ["json", "text"])
def test_errors_go_to_the_log_in_one_line(runtime, shape):
    log = runtime.top / "log"
    options = ("--log", str(log), "--log-format", shape)
    runtime.call(*options, "start", "nobody", ok=False)
    runtime.call(*options, "create", "-b", "/nowhere", "x", ok=False)
    lines = log.read_text().splitlines()
    assert len(lines) == 2
    if shape == "json":
        assert [json.loads(line)["level"] for line in lines] == ["error", "error"]
        assert "does not exist" in json.loads(lines[0])["msg"]
        assert "/nowhere/config.json" in json.loads(lines[1])["msg"]


def test_warnings_of_init_go_to_the_log_too(runtime):
    log, root = runtime.top / "log", runtime.own_root()
    strange = {"process__capabilities": {"bounding": ["CAP_MAGIC"]}}
    bundle = runtime.bundle("sh", "-c", "exit 0", root={"path": str(root)}, **strange)
    runtime.call("--log", str(log), "run", "-b", bundle, runtime.id)
    assert "level=warning" in log.read_text() and "CAP_MAGIC" in log.read_text()
    assert not (root / str(log)[1:]).exists()


def test_no_path_no_home(runtime):
    """Engines call start, kill and delete with an empty environment."""
    runtime.create("sleep", "60")
    for verb in (("start",), ("state",), ("kill", "KILL"), ("delete", "--force")):
        arguments = [verb[0], *verb[1:2] * (verb[0] == "delete"), runtime.id]
        arguments += ["KILL"] * (verb[0] == "kill")
        runtime.call(*arguments, env={})


@needs("runc")
@needs_root
class TestBesideRunc:
    @pytest.fixture
    def pair(self, tools):
        ours, theirs = Runtime(tools, 0), Runtime(tools, 0, program=[shutil.which("runc")])
        yield ours, theirs
        ours.close()
        for container in json.loads(theirs.call("list", "--format", "json").stdout) or []:
            theirs.call("delete", "--force", container["id"], ok=None)
        shutil.rmtree(theirs.top)

    def both_run(self, pair, *args, **changes):
        # runc 1.1 knows versions up to 1.0.2 and takes no namespace of its own for cgroups amiss
        return [r.run(*args, ok=None, ociVersion="1.0.2", **changes).returncode for r in pair]

    @pytest.mark.parametrize(
        "args",
        [
            ["sh", "-c", "exit 0"], ["sh", "-c", "exit 7"], ["sh", "-c", "sh -c 'kill -9 $$'"],
            ["nosuch"], ["/etc/passwd"], ["/bin"],
        ],
    )  # fmt: skip
    def test_the_same_exit_status(self, pair, args):
        ours, theirs = self.both_run(pair, *args)
        assert ours == theirs

    def test_the_same_keys_and_status_all_the_way(self, pair):
        for runtime in pair:
            runtime.create("sleep", "60", ociVersion="1.0.2", annotations={"a": "b"})
        for verb in (None, "start", "kill", "delete"):
            if verb:
                for runtime in pair:
                    runtime.call(*[verb, runtime.id, *["KILL"] * (verb == "kill")])
            if verb == "delete":
                break
            status = {None: "created", "start": "running", "kill": "stopped"}[verb]
            ours, theirs = (runtime.wait_for(status) for runtime in pair)
            assert set(ours) == set(theirs)
            assert ours["annotations"] == theirs["annotations"]
            assert bool(ours["pid"]) == bool(theirs["pid"])

    def test_the_same_refusals(self, pair):
        for runtime in pair:
            runtime.create("sleep", "60", ociVersion="1.0.2")
            runtime.call("start", runtime.id)
        for arguments in (["start"], ["delete"], ["state", "x"], ["kill", "x"], ["start", "x"]):
            verb, *rest = arguments
            statuses = [r.call(verb, *(rest or [r.id]), ok=False).returncode for r in pair]
            assert statuses == [1, 1], arguments

    def test_the_same_view_from_inside(self, pair):
        script = "id; cat /proc/self/status /proc/self/limits; ls /dev /sys /proc/sys; env; pwd"
        views = []
        for runtime in pair:
            lines = runtime.run("sh", "-c", script, ociVersion="1.0.2").stdout.splitlines()
            # of the process's status only what the configuration decides
            decided = ("Cap", "Max", "uid")
            views.append([line for line in lines if line[:3] in decided or ":" not in line])
        assert views[0] == views[1]


@needs("podman")
@needs_root
def test_podman_runs_it(tmp_path, tools):
    program = tmp_path / "minirunc"
    where = Path(minicontainer.__file__).parent.parent
    lines = [f"#!{sys.executable}", "import sys", f"sys.path.insert(0, {str(where)!r})"]
    lines += ["from minicontainer.cli.minirunc import main", "sys.exit(main())", ""]
    program.write_text("\n".join(lines))
    program.chmod(0o755)
    conf = tmp_path / "containers.conf"
    # podman's own default may be above what this machine lets root have
    most = min(resource.getrlimit(resource.RLIMIT_NPROC)[1], 32768)
    limits = f'["nofile=1024:1024", "nproc={most}:{most}"]'
    conf.write_text(f"[containers]\ndefault_ulimits = {limits}\n")
    short = Path(tempfile.mkdtemp(prefix="pod"))  # podman wants it to be short
    storage = ["--root", str(short / "s"), "--runroot", str(short / "r"),
               "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"]  # fmt: skip
    command = ["podman", *storage, "--runtime", str(program), "run", "--rm", "--network", "none"]
    done = subprocess.run(
        [*command, "--rootfs", f"{tools}", "/bin/sh", "-c", "cat /proc/self/status; exit 6"],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "CONTAINERS_CONF": str(conf)},
    )  # fmt: skip
    shutil.rmtree(short, ignore_errors=True)
    assert (done.returncode, "CapEff:" in done.stdout) == (6, True), done.stderr


HEAVY = {
    "json", "re", "enum", "argparse", "subprocess", "dataclasses", "typing", "pathlib", "logging",
    "socket", "signal", "shutil", "tempfile", "threading", "contextlib", "importlib",
    "collections", "functools",
}  # fmt: skip


def test_the_hot_path_imports_nothing_heavy():
    code = (
        "import sys; from minicontainer.cli import minirunc_commands, exec;"
        "from minicontainer.step06_run import lifetime, monitor;"
        "print(*set(sys.modules) - unavoidable)"
    )
    # From 3.14 on ctypes, the way to the kernel, brings threading by itself.
    begin = "import sys, ctypes; unavoidable = set(sys.modules); sys.path[:0] = sys.argv[1:];"
    where = str(Path(minicontainer.__file__).parent.parent)
    command = [sys.executable, "-ISc", begin + code, where]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stdout.split()) == set()


def test_the_exercises_are_whole_small_functions():
    room = Path(minicontainer.step02_runtime.__file__).parent
    where = {
        "bundle": ["load_bundle"], "lifecycle": ["create", "start", "kill", "delete"],
        "state": ["state", "start_time", "list_containers"], "init": ["spawn", "wait_for_start"],
        "mounts": ["apply_mounts"],
        "hooks": ["run_hooks"], "cgroups": ["limit_pids", "apply_limits"],
    }  # fmt: skip
    for module, names in where.items():
        tree = ast.parse((room / f"{module}.py").read_text())
        found = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        for name in names:
            body = found[name].body[1:]
            assert body[-1].end_lineno - body[0].lineno < 25, name
            assert ast.get_docstring(found[name]) and not found[name].decorator_list


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_files(runtime, closed):
    """What is closed is nobody's: the program's end is told all the same."""
    command = runtime.command("run", "-b", runtime.bundle("sh", "-c", "exit 3"), runtime.id)
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh"]
    done = subprocess.run(
        [*shell, *command], capture_output=True, text=True, check=False, timeout=60,
        **runtime.options(),
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "")


def test_exec_with_a_closed_output(runtime):
    runtime.create("sleep", "60")
    runtime.quietly("start", runtime.id)
    command = runtime.command("exec", runtime.id, "sh", "-c", "exit 4")
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *command],
        stderr=subprocess.PIPE, text=True, check=False, timeout=60, **runtime.options(),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (4, "")


@pytest.mark.parametrize("words", [("--help",), ("list",)])
def test_nobody_reads_what_is_printed(runtime, words):
    reading, writing = os.pipe()
    os.close(reading)
    done = runtime.call(
        *words, ok=False, capture_output=False, stdout=writing, stderr=subprocess.PIPE
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize(("word", "where"), [("--help", "standard output"), ("list", "list")])
def test_a_full_disk_is_one_message(runtime, word, where):
    with open("/dev/full", "w") as full:
        done = runtime.call(
            word, ok=False, capture_output=False, stdout=full, stderr=subprocess.PIPE
        )
    assert done.returncode == 1
    assert done.stderr == f"minirunc: {where}: No space left on device\n"


def test_where_namespaces_are_forbidden_the_setting_is_named(runtime):
    """The limit is set in a user namespace of the test's own."""
    bundle = runtime.bundle("true", linux__resources={})
    code = (
        "import os, sys\n"
        "from minicontainer import linux\n"
        "uid, gid = os.geteuid(), os.getegid()\n"
        "linux.unshare(linux.CLONE_NEWUSER)\n"
        "open('/proc/self/setgroups', 'w').write('deny')\n"
        "open('/proc/self/uid_map', 'w').write(f'0 {uid} 1')\n"
        "open('/proc/self/gid_map', 'w').write(f'0 {gid} 1')\n"
        "open('/proc/sys/user/max_mnt_namespaces', 'w').write('0')\n"
        "os.execv(sys.argv[1], sys.argv[1:])\n"
    )
    command = runtime.command("run", "-b", bundle, runtime.id)
    done = subprocess.run(
        [sys.executable, "-c", code, *command],
        capture_output=True, text=True, check=False, timeout=60, **runtime.options(),
    )  # fmt: skip
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "sysctl -w user.max_mnt_namespaces=15000" in done.stderr

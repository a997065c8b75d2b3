"""`minirunc --mine`: the learner's functions run, whoever calls, and it says whose each is."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.programs import needs, needs_namespaces, needs_root
from tests.runtimes import Runtime
from tests.workshop.learner import LABS, ROOT, checkout, reference

LAB = next(lab for lab in LABS if lab.id == "02")
NAMES = [exercise.name for exercise in LAB.exercises]
#: each of the learner's functions says that it was called, where descriptor 9 leads
TOLD = """
def told(name):
    try:
        os.write(9, (name + chr(10)).encode())
    except OSError:
        pass
"""


def answers(*names: str) -> dict[str, str]:
    """The package's own functions as answers, each of which tells that it was called."""
    found = {"helper": TOLD}
    for name in names:
        head, _, body = reference(LAB, name).rpartition('    """\n')
        found[name] = f'{head}    """\n    told({name!r})\n{body}'
    return found


def program(directory: Path, *names: str) -> list[str]:
    """minirunc, called in the checkout of a learner who has written these functions."""
    lab = checkout(directory, LAB, answers(*names))
    code = (
        f"import os, sys; os.chdir({str(lab.root)!r}); sys.path.insert(0, {str(ROOT)!r});"
        " from minicontainer.cli.minirunc import main; sys.exit(main())"
    )
    return [sys.executable, "-c", code]


@pytest.fixture
def mine(tools, tmp_path):
    made = Runtime(tools, os.geteuid(), program(tmp_path, *NAMES))
    made.calls = tmp_path / "calls"
    yield made
    made.close()


def mine_does(runtime: Runtime, *words: str) -> tuple[str, list[str]]:
    """What `minirunc --mine` says on standard error, and which functions were called."""
    said = runtime.top / "said"
    runtime.calls.write_text("")
    command = [*runtime.program, "--mine", "--root", str(runtime.state_root), *words]
    script = 'calls=$1; shift; exec "$@" 9>>"$calls" </dev/null >/dev/null'
    with open(said, "w") as file:
        done = subprocess.run(
            ["sh", "-c", script, "sh", str(runtime.calls), *command],
            stderr=file, check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == 0, said.read_text()
    return said.read_text(), runtime.calls.read_text().split()


@needs_namespaces
def test_a_life_by_the_learners_functions(mine):
    hooks = {"poststart": [{"path": "/bin/true"}]}
    bundle = mine.bundle("sleep", "60", hooks=hooks)
    said, called = mine_does(mine, "create", "--bundle", bundle, mine.id)
    assert said.startswith(f"{len(NAMES)} of {len(NAMES)} functions are yours")
    assert set(NAMES) <= set(said.replace(",", " ").split()) and "lab 02" in said
    assert {"create", "load_bundle", "spawn", "apply_mounts", "run_hooks"} <= set(called)
    assert {"start_time", "wait_for_start"} <= set(called)
    assert {"start", "state", "run_hooks"} <= set(mine_does(mine, "start", mine.id)[1])
    assert {"state", "start_time"} <= set(mine_does(mine, "list")[1])
    assert {"kill", "state"} <= set(mine_does(mine, "kill", mine.id, "KILL")[1])
    mine.wait_for("stopped")
    assert {"delete", "run_hooks"} <= set(mine_does(mine, "delete", mine.id)[1])


def test_it_says_whose_each_is(tools, tmp_path):
    few = Runtime(tools, os.geteuid(), program(tmp_path, "kill", "state"))
    few.calls = tmp_path / "calls"
    box = Path(few.state_root) / "box"
    box.mkdir(parents=True)
    said, called = mine_does(few, "list")
    box.rmdir()
    assert said == f"2 of {len(NAMES)} functions are yours\n  lab 02  state, kill\n"
    assert called == ["state"]
    few.close()


@pytest.mark.parametrize(
    "before", [["--mine"], ["--log-format=json", "--mine"], ["--log", "create", "--mine"]]
)
def test_mine_may_stand_among_an_engines_options(tools, tmp_path, before):
    few = Runtime(tools, os.geteuid(), program(tmp_path, "kill"))
    done = subprocess.run(
        [*few.program, *before, "--root", str(few.state_root), "list"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr.splitlines()[:1]) == (
        0,
        [f"1 of {len(NAMES)} functions are yours"],
    )
    few.close()


def test_without_mine_the_learners_functions_stay_away(mine):
    assert mine.call("list").stderr == ""
    assert mine.call("list", "--help").stderr == ""


@needs("podman")
@needs_root
def test_podman_runs_the_learners_runtime(tools, tmp_path):
    broken = 'def start(root, id):\n    raise ContainerError("this start is mine", id)'
    statuses = {}
    for name, source in (("whole", answers(*NAMES)), ("broken", {"start": broken})):
        checked_out = checkout(tmp_path / name, LAB, source)
        runtime = tmp_path / name / "minirunc"
        lines = [f"#!{sys.executable}", "import os, sys", f"os.chdir({str(checked_out.root)!r})"]
        lines += [f"sys.path.insert(0, {str(ROOT)!r})"]
        lines += ["from minicontainer.cli.minirunc import main", "sys.exit(main())", ""]
        runtime.write_text("\n".join(lines))
        runtime.chmod(0o755)
        statuses[name] = podman(runtime, tools, tmp_path)
    assert (statuses["whole"].returncode, statuses["whole"].stdout) == (6, "inside\n")
    total = len(NAMES)
    assert f"{total} of {total} functions are yours" in statuses["whole"].stderr
    assert statuses["broken"].returncode not in (0, 6)
    assert "this start is mine" in statuses["broken"].stderr


def podman(runtime: Path, tools: Path, tmp_path: Path) -> subprocess.CompletedProcess:
    """What the page shows: podman run, with this runtime and --mine."""
    most = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    most = 32768 if most < 0 else min(most, 32768)
    conf = tmp_path / "containers.conf"
    limits = f'["nofile=1024:1024", "nproc={most}:{most}"]'
    conf.write_text(f"[containers]\ndefault_ulimits = {limits}\n")
    short = Path(tempfile.mkdtemp(prefix="pod"))  # podman wants it to be short
    storage = ["--root", str(short / "s"), "--runroot", str(short / "r"),
               "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"]  # fmt: skip
    ours = ["--runtime", str(runtime), "--runtime-flag", "mine"]
    program = ["/bin/sh", "-c", "echo inside; exit 6"]
    done = subprocess.run(
        ["podman", *storage, *ours, "run", "--rm", "--network", "none", "--rootfs", str(tools),
         *program],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "CONTAINERS_CONF": str(conf)},
    )  # fmt: skip
    shutil.rmtree(short, ignore_errors=True)
    return done

"""Limits: the right number in the right file, and the kernel keeps it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from minicontainer.errors import ContainerError
from minicontainer.lib.cgroups import plan, processes
from minicontainer.step02_runtime import cgroups
from tests.programs import needs_root


def directory_for(path: Path, version: int) -> dict:
    """A plain directory in place of a cgroup: what is written can be read back."""
    return {
        "version": version,
        "paths": dict.fromkeys(("cpu", "memory", "pids", "devices"), str(path)),
    }


@pytest.mark.parametrize(
    ("version", "resources", "expected"),
    [
        (1, {"pids": {"limit": 7}}, {"pids.max": "7"}),
        (2, {"pids": {"limit": -1}}, {"pids.max": "max"}),
        (2, {"pids": {"limit": 0}}, {"pids.max": "max"}),
        (1, {"memory": {"limit": 9, "reservation": 5, "swap": 12}},
         {"memory.limit_in_bytes": "9", "memory.soft_limit_in_bytes": "5",
          "memory.memsw.limit_in_bytes": "12"}),
        (2, {"memory": {"limit": 9, "reservation": 5, "swap": 12}},
         {"memory.max": "9", "memory.low": "5", "memory.swap.max": "3"}),
        (2, {"memory": {"limit": -1, "swap": -1}}, {"memory.max": "max", "memory.swap.max": "max"}),
        (1, {"cpu": {"shares": 512, "quota": 50000, "period": 100000}},
         {"cpu.shares": "512", "cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "100000"}),
        (2, {"cpu": {"shares": 1024, "quota": 50000}},
         {"cpu.weight": "39", "cpu.max": "50000 100000"}),
        (2, {"cpu": {"shares": 2, "period": 5000, "quota": -1}},
         {"cpu.weight": "1", "cpu.max": "max 5000"}),
        (2, {"cpu": {"shares": 262144}}, {"cpu.weight": "10000"}),
        (2, {"unified": {"memory.high": "77"}}, {"memory.high": "77"}),
    ],
)  # fmt: skip
def test_limits_in_both_versions(tmp_path, version, resources, expected):
    cgroups.apply_limits(directory_for(tmp_path, version), resources)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == expected


@pytest.mark.parametrize(("version", "name"), [(1, "memory.high"), (2, "../escape")])
def test_unified_is_for_version_2_and_for_plain_names(tmp_path, version, name):
    with pytest.raises(ContainerError):
        cgroups.apply_limits(directory_for(tmp_path, version), {"unified": {name: "1"}})


def test_plan_does_not_leave_the_hierarchy():
    planned = plan("x", {"linux": {"cgroupsPath": "/../../../etc"}})
    assert all(path.startswith("/sys/fs/cgroup/") for path in planned["paths"].values())


@needs_root
def test_the_kernel_keeps_the_number_of_processes(runtime):
    limited = {"pids": {"limit": 3}}
    script = "sleep 0.1 & sleep 0.1 & sleep 0.1 & wait"
    done = runtime.run("sh", "-c", script, linux__resources=limited, ok=False)
    assert "fork" in done.stderr


@needs_root
def test_the_kernel_keeps_memory(runtime):
    limited = {"memory": {"limit": 8 << 20}}
    script = "head -c 64m /dev/zero > /dev/shm/much"
    done = runtime.run("sh", "-c", f"{script} || exit 9", linux__resources=limited, ok=None)
    assert done.returncode in (9, 137)


@needs_root
def test_members_and_cleaning(runtime):
    limited = {"pids": {"limit": 50}, "cpu": {"shares": 512}}
    runtime.create("sleep", "60", linux__resources=limited)
    cgroup = json.loads((runtime.state_root / runtime.id / "state.json").read_text())["cgroup"]
    pid = runtime.state()["pid"]
    assert processes(cgroup) == [pid]
    assert Path(cgroup["paths"]["pids"], "pids.max").read_text() == "50\n"
    runtime.call("start", runtime.id)
    runtime.quietly("exec", "-d", runtime.id, "sleep", "50")
    assert len(processes(cgroup)) == 2
    os.mkdir(cgroup["paths"]["pids"] + "/made-by-the-container")
    runtime.call("delete", "--force", runtime.id)
    assert not any(os.path.exists(path) for path in cgroup["paths"].values())


@needs_root
def test_a_cgroup_in_use_is_refused_and_left_alone(runtime):
    path = f"/minirunc-test-{runtime.id}"
    runtime.create("sleep", "60", linux__cgroupsPath=path)
    runtime.call("start", runtime.id)
    bundle = runtime.bundle("sleep", "1", linux__cgroupsPath=path)
    done = runtime.call("create", "-b", bundle, "second", ok=False)
    assert "processes in it already" in done.stderr
    assert runtime.state()["status"] == "running"


def test_limits_that_cannot_be_had_are_an_error(as_user):
    if os.access("/sys/fs/cgroup/pids", os.W_OK) and not as_user.rootless:
        pytest.skip("this user may make cgroups")
    done = as_user.create("sh", linux__resources={"pids": {"limit": 3}}, ok=False)
    assert "no right to set limits" in done.stderr
    assert as_user.left_behind() == []

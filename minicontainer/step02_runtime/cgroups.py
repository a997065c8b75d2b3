"""How much may a container take? Limits are numbers in the files of a cgroup.

A cgroup is a directory in /sys/fs/cgroup; the kernel keeps its limits for the
processes in it, and all that they start. Here stands which number goes into
which file; how such directories are made and removed is in lib/cgroups.py.
Spec: runtime-spec, config-linux.md, "Control groups"; cgroups(7).
"""

from __future__ import annotations

from minicontainer import explain
from minicontainer.errors import ContainerError
from minicontainer.lib.cgroups import is_frozen as is_frozen  # older notebooks ask for it here
from minicontainer.lib.cgroups import limit_devices, make_directories, write_limit


def create_cgroup(cgroup: dict, resources: dict) -> None:
    """Make the directories and set the limits of `resources` (`linux.resources`).

    Without the right to make them, a container that asks for no limits goes
    without a cgroup; one that asks gets ContainerError.
    """
    limits = any(resources.get(name) for name in ("memory", "cpu", "pids", "unified"))
    make_directories(cgroup, required=limits)
    if cgroup["paths"]:
        apply_limits(cgroup, resources)
    else:
        explain.emit("note", "no right to make a cgroup: the container runs without limits")


def apply_limits(cgroup: dict, resources: dict) -> None:
    """Write every limit of `resources` that we know into `cgroup`."""
    version = cgroup["version"]
    if resources.get("pids", {}).get("limit") is not None:
        limit_pids(cgroup, resources["pids"]["limit"])
    for name, value in memory_limits(version, resources.get("memory", {})).items():
        write_limit(cgroup, "memory", name, value)
    for name, value in cpu_limits(version, resources.get("cpu", {})).items():
        write_limit(cgroup, "cpu", name, value)
    for name, value in resources.get("unified", {}).items():
        if version == 1 or "/" in name:
            raise ContainerError("linux.resources.unified needs cgroup version 2", name)
        write_limit(cgroup, "pids", name, value)
    if resources.get("devices") and version == 1:
        limit_devices(cgroup, resources["devices"])


def limit_pids(cgroup: dict, maximum: int) -> None:
    """At most `maximum` processes and threads at once; 0 or less: no limit.

    The file pids.max of the controller "pids" takes the number, or the word
    max; it is the same in both versions of cgroups. At the limit, fork(2)
    fails with EAGAIN.

    Raises ContainerError.
    Spec: runtime-spec, config-linux.md, "PIDs"; cgroup-v1/pids.rst.
    """
    write_limit(cgroup, "pids", "pids.max", str(maximum) if maximum > 0 else "max")


def memory_limits(version: int, memory: dict) -> dict[str, str]:
    """File -> text, in bytes; `swap` is memory and swap together, -1 is no limit.

    Spec: runtime-spec, config-linux.md, "Memory".
    """
    limit, reservation, swap = (memory.get(name) for name in ("limit", "reservation", "swap"))
    if version == 1:
        files = {"limit_in_bytes": limit, "soft_limit_in_bytes": reservation}
        files["memsw.limit_in_bytes"] = swap
    else:
        if swap is not None and swap >= 0:
            swap = max(0, swap - (limit or 0))
        files = {"max": limit, "low": reservation, "swap.max": swap}
    unlimited = "-1" if version == 1 else "max"
    given = {name: value for name, value in files.items() if value is not None}
    return {f"memory.{n}": unlimited if value < 0 else str(value) for n, value in given.items()}


def cpu_limits(version: int, cpu: dict) -> dict[str, str]:
    """File -> text: a weight (`shares`), and `quota` microseconds of work in each `period`.

    Spec: runtime-spec, config-linux.md, "CPU".
    """
    shares, quota, period = cpu.get("shares"), cpu.get("quota"), cpu.get("period")
    if version == 1:
        files = {"cpu.shares": shares, "cpu.cfs_period_us": period, "cpu.cfs_quota_us": quota}
        return {name: str(value) for name, value in files.items() if value}
    found = {}
    if shares:
        # 2 … 262144 of version 1 on 1 … 10000 of version 2
        found["cpu.weight"] = str(1 + (max(shares, 2) - 2) * 9999 // 262142)
    if quota or period:
        most = quota if quota and quota > 0 else "max"
        found["cpu.max"] = f"{most} {period or 100000}"
    return found

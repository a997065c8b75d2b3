"""How much may a container take, and which processes are in it?

A container gets a child cgroup of its own, in each hierarchy that we need
(version 1 has one hierarchy a controller, version 2 one for all). The kernel
keeps the limits; all we do is make directories and write numbers into files.
A cgroup is a dict {"version": 1 or 2, "paths": {controller: directory}}.
Spec: runtime-spec, config-linux.md, "Control groups"; cgroups(7).
"""

from __future__ import annotations

import errno
import os
import time

from minicontainer import explain
from minicontainer.errors import ContainerError

_CONTROLLERS = ("cpu", "memory", "pids", "freezer", "devices")
_MISSING = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT)


def plan(id: str, config: dict) -> dict:
    """The cgroup that the container `id` will have; nothing is made yet.

    `linux.cgroupsPath` counts from the root of the hierarchy when it is
    absolute, otherwise from the cgroup we are in ourselves.
    """
    path = config.get("linux", {}).get("cgroupsPath") or f"minirunc-{id}-{os.getpid()}"
    if path.count(":") == 2:  # systemd's slice:prefix:name, which some engines send
        path = "/" + "-".join(part for part in path.split(":")[1:] if part)
    mounts, own = _hierarchies(), _own_paths()
    unified = mounts.get("")
    version = 2 if unified == "/sys/fs/cgroup" else 1
    paths = {}
    for controller in _CONTROLLERS:
        key = "" if version == 2 else controller
        if key not in mounts:
            continue
        # version 2 lets no cgroup hold both processes and limited children: be our sibling
        here = own.get(key, "/") if version == 1 else os.path.dirname(own.get(key, "/"))
        inside = path if path.startswith("/") else os.path.join(here, path)
        paths[controller] = mounts[key] + os.path.normpath(inside)
    return {"version": version, "paths": paths}


def create_cgroup(cgroup: dict, resources: dict) -> None:
    """Make the directories and set the limits of `resources` (`linux.resources`).

    Without the right to make them, a container that asks for no limits goes
    without a cgroup; one that asks gets ContainerError.
    """
    if processes(cgroup):
        paths, cgroup["paths"] = cgroup["paths"], {}  # not ours: nobody shall clean it up
        raise ContainerError("the cgroup has processes in it already", next(iter(paths.values())))
    wanted = any(resources.get(name) for name in ("memory", "cpu", "pids", "unified"))
    for controller, path in list(cgroup["paths"].items()):
        try:
            if cgroup["version"] == 2:
                _enable_controllers(path)
            os.makedirs(path, exist_ok=True)
        except OSError as error:
            if error.errno not in _MISSING:
                raise
            if wanted:
                hint = "leave out linux.resources, or have this cgroup delegated to you"
                raise ContainerError(
                    f"no right to set limits: {error.strerror}", path, hint
                ) from None
            del cgroup["paths"][controller]
    if not cgroup["paths"]:
        explain.emit("note", "no right to make a cgroup: the container runs without limits")
        return
    apply_limits(cgroup, resources)


def apply_limits(cgroup: dict, resources: dict) -> None:
    """Write every limit of `resources` that we know into `cgroup`."""
    if resources.get("pids", {}).get("limit") is not None:
        limit_pids(cgroup, resources["pids"]["limit"])
    if resources.get("memory"):
        limit_memory(cgroup, resources["memory"])
    if resources.get("cpu"):
        limit_cpu(cgroup, resources["cpu"])
    for name, value in resources.get("unified", {}).items():
        if cgroup["version"] == 1 or "/" in name:
            raise ContainerError("linux.resources.unified needs cgroup version 2", name)
        write_limit(cgroup, "pids", name, value)
    if resources.get("devices") and cgroup["version"] == 1:
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


def limit_memory(cgroup: dict, memory: dict) -> None:
    """Limit memory, in bytes; `swap` is memory and swap together, -1 is no limit.

    Spec: runtime-spec, config-linux.md, "Memory".
    """
    limit, swap = memory.get("limit"), memory.get("swap")
    if cgroup["version"] == 1:
        if limit is not None:
            write_limit(cgroup, "memory", "memory.limit_in_bytes", str(limit))
        if memory.get("reservation") is not None:
            name = "memory.soft_limit_in_bytes"
            write_limit(cgroup, "memory", name, str(memory["reservation"]))
        if swap is not None:
            write_limit(cgroup, "memory", "memory.memsw.limit_in_bytes", str(swap))
        return
    if limit is not None:
        write_limit(cgroup, "memory", "memory.max", "max" if limit < 0 else str(limit))
    if memory.get("reservation") is not None:
        write_limit(cgroup, "memory", "memory.low", str(memory["reservation"]))
    if swap is not None:
        only_swap = "max" if swap < 0 else str(max(0, swap - (limit or 0)))
        write_limit(cgroup, "memory", "memory.swap.max", only_swap)


def limit_cpu(cgroup: dict, cpu: dict) -> None:
    """Share the processors by weight (`shares`), or `quota` microseconds in each `period`.

    Spec: runtime-spec, config-linux.md, "CPU".
    """
    shares, quota, period = cpu.get("shares"), cpu.get("quota"), cpu.get("period")
    if cgroup["version"] == 1:
        for name, value in (("shares", shares), ("cfs_period_us", period), ("cfs_quota_us", quota)):
            if value:
                write_limit(cgroup, "cpu", f"cpu.{name}", str(value))
        return
    if shares:
        # 2 … 262144 of version 1 on 1 … 10000 of version 2
        write_limit(cgroup, "cpu", "cpu.weight", str(1 + (max(shares, 2) - 2) * 9999 // 262142))
    if quota or period:
        most = str(quota) if quota and quota > 0 else "max"
        write_limit(cgroup, "cpu", "cpu.max", f"{most} {period or 100000}")


def limit_devices(cgroup: dict, rules: list[dict]) -> None:
    """Which devices may be opened or made; rules in order, and what every container needs.

    Spec: runtime-spec, config-linux.md, "Allowed Device list".
    """
    always = ("1:3", "1:5", "1:7", "1:8", "1:9", "5:0", "5:1", "5:2", "136:*")
    needed = ["c *:* m", "b *:* m"] + [f"c {numbers} rwm" for numbers in always]
    for rule in rules:
        numbers = ":".join(_or_star(rule.get(name)) for name in ("major", "minor"))
        kind = rule.get("type") or "a"
        line = "a" if kind == "a" else f"{kind} {numbers} {rule.get('access') or 'rwm'}"
        write_limit(
            cgroup, "devices", "devices.allow" if rule.get("allow") else "devices.deny", line
        )
    for line in needed:
        write_limit(cgroup, "devices", "devices.allow", line)


def join_cgroup(cgroup: dict, pid: int) -> None:
    """Move process `pid` into `cgroup`; what it starts from now on is in it too."""
    for path in sorted(set(cgroup["paths"].values())):
        with open(os.path.join(path, "cgroup.procs"), "w") as file:
            file.write(str(pid))


def processes(cgroup: dict) -> list[int]:
    """The pids in `cgroup` and in the cgroups that the container made below it."""
    for path in cgroup["paths"].values():
        found = []
        for directory, _, _ in os.walk(path):
            try:
                with open(os.path.join(directory, "cgroup.procs")) as file:
                    found += [int(line) for line in file]
            except OSError:
                continue
        return found
    return []


def remove_cgroup(cgroup: dict, patience: float = 2.0) -> None:
    """Remove the directories, which the kernel allows once the last process is gone.

    Waits up to `patience` seconds for that. Raises ContainerError after it.
    """
    end = time.monotonic() + patience
    for path in set(cgroup["paths"].values()):
        while not _remove_tree(path):
            if time.monotonic() > end:
                raise ContainerError("the cgroup still has processes in it", path)
            time.sleep(0.005)


def freeze(cgroup: dict, frozen: bool) -> None:
    """Stop every process in `cgroup` where it is, or let them all go on."""
    if "freezer" not in cgroup["paths"]:
        raise ContainerError("the container has no cgroup: it can't be paused")
    if cgroup["version"] == 1:
        write_limit(cgroup, "freezer", "freezer.state", "FROZEN" if frozen else "THAWED")
    else:
        write_limit(cgroup, "freezer", "cgroup.freeze", "1" if frozen else "0")


def is_frozen(cgroup: dict) -> bool:
    """Whether the processes in `cgroup` have been stopped by `freeze`."""
    path = cgroup["paths"].get("freezer")
    if path is None:
        return False
    name, mark = ("freezer.state", "FR") if cgroup["version"] == 1 else ("cgroup.freeze", "1")
    try:
        with open(os.path.join(path, name)) as file:
            return file.read().startswith(mark)
    except OSError:
        return False


def _hierarchies() -> dict[str, str]:
    """Where each controller's hierarchy is mounted; "" is version 2. See proc_pid_mountinfo(5)."""
    found: dict[str, str] = {}
    with open("/proc/self/mountinfo") as file:
        for line in file:
            before, _, after = line.partition(" - ")
            fstype, _, options = after.split(" ", 2)
            if fstype == "cgroup2":
                found.setdefault("", before.split()[4])
            elif fstype == "cgroup":
                for controller in options.strip().split(","):
                    found.setdefault(controller, before.split()[4])
    return found


def _own_paths() -> dict[str, str]:
    """Our own cgroup in each hierarchy; "" is version 2. Source: cgroups(7), /proc/PID/cgroup."""
    found = {}
    with open("/proc/self/cgroup") as file:
        for line in file:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            for controller in controllers.split(","):
                found[controller] = path
    return found


def _enable_controllers(path: str) -> None:
    """Version 2: a child has the controllers that every cgroup above it passes on."""
    above = "/sys/fs/cgroup"
    for name in ["", *os.path.relpath(path, above).split("/")[:-1]]:
        above = os.path.join(above, name)
        os.makedirs(above, exist_ok=True)
        with open(os.path.join(above, "cgroup.controllers")) as file:
            offered = [c for c in file.read().split() if c in _CONTROLLERS]
        with open(os.path.join(above, "cgroup.subtree_control"), "w") as file:
            file.write(" ".join(f"+{controller}" for controller in offered))


def write_limit(cgroup: dict, controller: str, name: str, value: str) -> None:
    """Write `value` into the file `name` of a controller's directory. Raises ContainerError."""
    if controller not in cgroup["paths"]:
        raise ContainerError(f"this machine has no {controller} cgroup", name)
    path = os.path.join(cgroup["paths"][controller], name)
    try:
        with open(path, "w") as file:
            file.write(value)
    except OSError as error:
        raise ContainerError(f"the kernel refuses {value!r}: {error.strerror}", path) from None
    explain.emit("syscall", f"echo {value} > {path}")


def _or_star(number: int | None) -> str:
    return "*" if number is None or number < 0 else str(number)


def _remove_tree(path: str) -> bool:
    """Try to remove `path` and the cgroups in it; False while the kernel says busy."""
    try:
        for directory, _, _ in os.walk(path, topdown=False):
            os.rmdir(directory)
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True

"""How are cgroups made, filled and removed? The kernel's files, in both versions.

Version 1 has one hierarchy a controller, version 2 one for all. A cgroup is a
dict {"version": 1 or 2, "paths": {controller: directory}}; where nothing may be
made, "paths" is empty.
Source: cgroups(7); the kernel's cgroup-v1/ and cgroup-v2.rst.
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
    version = 2 if mounts.get("") == "/sys/fs/cgroup" else 1
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


def make_directories(cgroup: dict, required: bool) -> None:
    """Make the cgroup's directories. What we have no right to make is taken out of it.

    Raises ContainerError when there are processes in it already; with `required`,
    also for want of the right.
    """
    if processes(cgroup):
        paths, cgroup["paths"] = cgroup["paths"], {}  # not ours: nobody shall clean it up
        raise ContainerError("the cgroup has processes in it already", next(iter(paths.values())))
    for controller, path in list(cgroup["paths"].items()):
        try:
            if cgroup["version"] == 2:
                _enable_controllers(path)
            os.makedirs(path, exist_ok=True)
        except OSError as error:
            if error.errno not in _MISSING:
                raise
            if required:
                hint = "leave out linux.resources, or have this cgroup delegated to you"
                why = f"no right to set limits: {error.strerror}"
                raise ContainerError(why, path, hint) from None
            del cgroup["paths"][controller]


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


def limit_devices(cgroup: dict, rules: list[dict]) -> None:
    """Which devices may be opened or made; rules in order, and what every container needs.

    Spec: runtime-spec, config-linux.md, "Allowed Device list".
    """
    for rule in rules:
        file = "devices.allow" if rule.get("allow") else "devices.deny"
        write_limit(cgroup, "devices", file, _device_rule(rule))
    always = ("1:3", "1:5", "1:7", "1:8", "1:9", "5:0", "5:1", "5:2", "136:*")
    for line in ("c *:* m", "b *:* m", *(f"c {numbers} rwm" for numbers in always)):
        write_limit(cgroup, "devices", "devices.allow", line)


def join_cgroup(cgroup: dict, pid: int) -> None:
    """Move process `pid` into `cgroup`; what it starts from now on is in it too."""
    for path in sorted(set(cgroup["paths"].values())):
        with open(os.path.join(path, "cgroup.procs"), "w") as file:
            file.write(str(pid))


def processes(cgroup: dict) -> list[int]:
    """The pids in `cgroup` and in the cgroups that the container made below it."""
    found = []
    for directory, _, _ in os.walk(next(iter(cgroup["paths"].values()), "")):
        try:
            with open(os.path.join(directory, "cgroup.procs")) as file:
                found += [int(line) for line in file]
        except OSError:
            continue
    return found


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


def plain_mounts(config: dict, cgroup: dict) -> list[dict]:
    """The mounts of `config` with each `cgroup` entry spelled out as what mount(2) knows."""
    found = []
    namespace = any(entry["type"] == "cgroup" for entry in config["linux"]["namespaces"])
    for mount in config.get("mounts", []):
        if mount.get("type") == "cgroup":
            found += _cgroup_mounts(mount, cgroup, namespace)
        else:
            found.append(mount)
    return found


def _cgroup_mounts(mount: dict, cgroup: dict, namespace: bool) -> list[dict]:
    """What shows the container its own cgroup, and nothing above it."""
    options = mount.get("options", [])
    if cgroup["version"] == 2:
        if namespace:
            return [{**mount, "type": "cgroup2"}]
        path = next(iter(cgroup["paths"].values()), "/sys/fs/cgroup")
        return [{**mount, "type": "bind", "source": path, "options": ["rbind", *options]}]
    writable = [option for option in options if option != "ro"]
    found = [{**mount, "type": "tmpfs", "source": "tmpfs", "options": [*writable, "mode=755"]}]
    for controller, path in cgroup["paths"].items():
        destination = f"{mount['destination']}/{controller}"
        shape = {"type": "bind", "source": path, "options": ["bind", *options]}
        if namespace:
            data = [controller, *options]
            shape = {"type": "cgroup", "source": "cgroup", "options": data}
        found.append({"destination": destination, **shape})
    if "ro" in options:  # the tmpfs last, or the directories in it could not be made
        again = {"type": "tmpfs", "source": "tmpfs", "options": ["remount", "mode=755", *options]}
        found.append({**mount, **again})
    return found


def _device_rule(rule: dict) -> str:
    kind = rule.get("type") or "a"
    if kind == "a":
        return "a"
    numbers = [rule.get("major"), rule.get("minor")]
    shown = ["*" if number is None or number < 0 else str(number) for number in numbers]
    return f"{kind} {':'.join(shown)} {rule.get('access') or 'rwm'}"


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

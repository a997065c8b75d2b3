"""Is this a configuration that we can follow? Checked before anything is made.

In: what config.json holds, any JSON at all. Out: nothing, or one BundleError
that names the place (`process.user.uid`) and the rule in plain words.
First the shape (types, ranges), then the rules between fields.
Spec: runtime-spec, config.md, config-linux.md, schema/.
"""

from __future__ import annotations

from minicontainer.errors import BundleError

from .shapes import check, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAMESPACE_TYPES = ("pid", "network", "ipc", "uts", "mount", "user", "cgroup", "time")
DEVICE_TYPES = ("c", "b", "u", "p")
_KINDS = ("private", "slave", "shared", "unbindable")
PROPAGATIONS = (*_KINDS, *(f"r{kind}" for kind in _KINDS))

UID = (0, 2**32 - 2)
UINT32 = (0, 2**32 - 1)
INT64 = (-(2**63), 2**63 - 1)
UINT64 = (0, 2**64 - 1)

_HOOK = {"path": text, "args": [text], "env": [text], "timeout": INT64}
_MAPPING = {"containerID": UINT32, "hostID": UINT32, "size": UINT32}
_BOX = {"height": (0, 65535), "width": (0, 65535)}
_USER = {"uid": UID, "gid": UID, "umask": UINT32, "additionalGids": [UID], "username": text}
_DEVICE = {
    "type": text, "path": text, "major": INT64, "minor": INT64,
    "fileMode": UINT32, "uid": UID, "gid": UID,
}  # fmt: skip
_RULE = {"allow": bool, "type": text, "major": INT64, "minor": INT64, "access": text}
_CAPABILITIES = {
    name: [text] for name in ("bounding", "effective", "permitted", "inheritable", "ambient")
}
_RESOURCES = {
    "devices": [_RULE],
    "memory": {"limit": INT64, "reservation": INT64, "swap": INT64},
    "cpu": {"shares": UINT64, "quota": INT64, "period": UINT64, "cpus": text, "mems": text},
    "pids": {"limit": INT64},
    "unified": {"*": text},
}
_LINUX = {
    "namespaces": [{"type": text, "path": text}],
    "uidMappings": [_MAPPING],
    "gidMappings": [_MAPPING],
    "devices": [_DEVICE],
    "cgroupsPath": text,
    "resources": _RESOURCES,
    "rootfsPropagation": text,
    "maskedPaths": [text],
    "readonlyPaths": [text],
    "sysctl": {"*": text},
    "mountLabel": text,
}

PROCESS = {
    "terminal": bool,
    "consoleSize": _BOX,
    "user": _USER,
    "cwd": text,
    "env": [text],
    "args": [text],
    "rlimits": [{"type": text, "soft": UINT64, "hard": UINT64}],
    "capabilities": _CAPABILITIES,
    "noNewPrivileges": bool,
    "oomScoreAdj": (-1000, 1000),
}

CONFIG: dict[str, Any] = {
    "ociVersion": text,
    "root": {"path": text, "readonly": bool},
    "mounts": [{"destination": text, "type": text, "source": text, "options": [text]}],
    "process": PROCESS,
    "hostname": text,
    "domainname": text,
    "hooks": {
        "prestart": [_HOOK], "createRuntime": [_HOOK], "createContainer": [_HOOK],
        "startContainer": [_HOOK], "poststart": [_HOOK], "poststop": [_HOOK],
    },
    "annotations": {"*": text},
    "linux": _LINUX,
}  # fmt: skip


def check_config(config: Any, path: str = "config.json") -> None:
    """Raise BundleError unless `config`, read from the file `path`, keeps every rule."""
    try:
        _need(isinstance(config, dict), "", "must be an object")
        check(config, CONFIG, "", BundleError)
        _check_version(config)
        _need(config.get("root"), "root", "is missing")
        _need(config["root"].get("path"), "root.path", "is missing or empty")
        _need("process" in config, "process", "is missing")
        check_process(config["process"], "process")
        _check_mounts(config)
        _check_linux(config.get("linux", {}))
        _check_names(config)
        _check_hooks(config.get("hooks", {}))
    except BundleError as error:
        raise BundleError(error.what, f"{path}: {error.where}" if error.where else path) from None


def check_process(process: dict, where: str) -> None:
    """The rules of `process`, which `exec --process` reads from a file of its own too."""
    _need(process.get("args"), f"{where}.args", "is empty: there is no program to run")
    _need(process["args"][0], f"{where}.args[0]", "is empty: there is no program to run")
    _need("cwd" in process, f"{where}.cwd", "is missing")
    _need(process["cwd"].startswith("/"), f"{where}.cwd", "must be an absolute path")
    for place, entry in _each(process, "env", where):
        named = "=" in entry and not entry.startswith("=")
        _need(named, place, f"must be NAME=VALUE, not {entry!r}")
    types = [limit.get("type") for limit in process.get("rlimits", [])]
    for place, limit in _each(process, "rlimits", where):
        kind = limit.get("type")
        _need(kind and kind.startswith("RLIMIT_"), place, f"has the unknown type {kind!r}")
        _need(types.count(kind) == 1, place, f"repeats {kind}")
        _need("soft" in limit and "hard" in limit, place, "needs both soft and hard")


def is_bind(mount: dict) -> bool:
    """Whether the entry of `mounts` shows a path of the host (type or option bind, rbind)."""
    kinds = (mount.get("type"), *mount.get("options", []))
    return "bind" in kinds or "rbind" in kinds


def _check_version(config: dict) -> None:
    version = config.get("ociVersion", "")
    _need(version, "ociVersion", "is missing")
    numbers = version.split("+")[0].split("-")[0].split(".")
    good = len(numbers) == 3 and all(n.isascii() and n.isdigit() for n in numbers)
    _need(good, "ociVersion", f"is not a version like 1.2.0: {version!r}")
    _need(numbers[0] == "1", "ociVersion", f"is {version}; this runtime knows versions 1.x")


def _check_mounts(config: dict) -> None:
    for place, mount in _each(config, "mounts"):
        destination = mount.get("destination", "")
        _need(destination, f"{place}.destination", "is missing")
        absolute = destination.startswith("/")
        _need(absolute, f"{place}.destination", f"must be an absolute path, not {destination!r}")
        bind = is_bind(mount)
        _need(mount.get("type") or bind, f"{place}.type", "is missing")
        named = mount.get("source") or not bind
        _need(named, f"{place}.source", "is missing, what is to be bound?")


def _check_linux(linux: dict) -> None:
    entries, known = linux.get("namespaces", []), ", ".join(NAMESPACE_TYPES)
    types = [entry.get("type") for entry in entries]
    for place, entry in _each(linux, "namespaces", "linux"):
        kind, path = entry.get("type"), entry.get("path")
        _need(kind in NAMESPACE_TYPES, place, f"has the unknown type {kind!r}; known are {known}")
        _need(types.count(kind) == 1, place, f"repeats the type {kind}")
        _need(not path or path.startswith("/"), f"{place}.path", "must be an absolute path")
    _need("mount" in types, "linux.namespaces", "has no mount namespace; this runtime needs one")
    _check_mappings(linux, entries)
    for place, device in _each(linux, "devices", "linux"):
        _check_device(device, place)
    propagation = linux.get("rootfsPropagation", "private")
    _need(propagation in PROPAGATIONS, "linux.rootfsPropagation", f"is unknown: {propagation!r}")
    for name in ("maskedPaths", "readonlyPaths"):
        for place, path in _each(linux, name, "linux"):
            _need(path.startswith("/"), place, "must be an absolute path")


def _check_mappings(linux: dict, entries: list) -> None:
    new_user = any(e["type"] == "user" and not e.get("path") for e in entries)
    for name in ("uidMappings", "gidMappings"):
        for place, mapping in _each(linux, name, "linux"):
            whole = all(key in mapping for key in _MAPPING)
            _need(whole, place, "needs containerID, hostID and size")
            _need(mapping["size"] > 0, f"{place}.size", "must be at least 1")
        given = linux.get(name) or not new_user
        _need(given, f"linux.{name}", "is missing: a new user namespace needs it")


def _check_device(device: dict, where: str) -> None:
    kind = device.get("type")
    _need(kind in DEVICE_TYPES, f"{where}.type", f"must be one of c, b, u, p, not {kind!r}")
    _need(device.get("path", "").startswith("/"), f"{where}.path", "must be an absolute path")
    numbered = kind == "p" or ("major" in device and "minor" in device)
    _need(numbered, where, "needs major and minor")


def _check_names(config: dict) -> None:
    types = {entry["type"] for entry in config.get("linux", {}).get("namespaces", [])}
    for name in ("hostname", "domainname"):
        if config.get(name):
            _need("uts" in types, name, "can only be set in a uts namespace of its own")
            _need(len(config[name].encode()) <= 64, name, "is longer than 64 bytes")


def _check_hooks(hooks: dict) -> None:
    for kind in CONFIG["hooks"]:
        for place, hook in _each(hooks, kind, "hooks"):
            _need(hook.get("path", "").startswith("/"), f"{place}.path", "must be absolute")
            _need(hook.get("timeout", 1) > 0, f"{place}.timeout", "must be more than 0")


def _each(owner: dict, name: str, where: str = "") -> list[tuple[str, Any]]:
    """The entries of the list `name` in `owner`, which stands at `where`; each with its place."""
    place = f"{where}.{name}" if where else name
    return [(f"{place}[{number}]", entry) for number, entry in enumerate(owner.get(name, []))]


def _need(condition: object, where: str, rule: str) -> None:
    if not condition:
        raise BundleError(rule, where)

"""From an image and the words of a command line to a bundle that the runtime takes.

In: the image's config, the directory with its root filesystem, and the options of
`run`. Out: config.json. The image says what to run and how; what the user says wins.
Spec: image-spec, conversion.md; runtime-spec, config.md and bundle.md.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minicontainer.errors import MinicontainerError
from minicontainer.step02_runtime.spec import default_config
from minicontainer.step03_image.runtime_config import to_runtime_config, with_overrides
from minicontainer.step03_image.spec import ImageConfig

#: what root in a container may do unless it is told otherwise; the list is Docker's
CAPABILITIES = [
    "CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
    "CAP_MKNOD", "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID",
    "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
]  # fmt: skip


class BadOption(MinicontainerError):
    """An option of `run` that can't be understood or followed."""

    exit_status = 125


@dataclass(frozen=True)
class Options:
    """What the command line says over the image."""

    arguments: list[str] = field(default_factory=list)
    entrypoint: str | None = None
    env: list[str] = field(default_factory=list)
    workdir: str | None = None
    user: str | None = None
    hostname: str | None = None
    volumes: list[str] = field(default_factory=list)
    network: str = "none"
    read_only: bool = False
    terminal: bool = False
    interactive: bool = False
    memory: int | None = None
    pids_limit: int | None = None


def bundle_from_image(
    image: ImageConfig, container: str, identity: str, options: Options, rootless: bool
) -> dict[str, Any]:
    """The runtime configuration for `image`, whose tree is at `container`/rootfs.

    Written to `container`/config.json, which makes that directory a bundle.
    `rootless` says that the caller is root of a user namespace only.
    Raises BadOption, and ImageError for a user that the image does not have.
    Spec: image-spec, conversion.md; runtime-spec, bundle.md.
    """
    rootfs = Path(container, "rootfs")
    base = engine_defaults(options, identity, rootless)
    base["process"]["env"].append(f"HOSTNAME={base['hostname']}")
    config = to_runtime_config(with_options(image, options), base, rootfs, options.arguments)
    config["mounts"] += network_files(container, config["hostname"], options.network)
    config["mounts"] += [bind_mount(volume) for volume in options.volumes]
    with open(os.path.join(container, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file, indent=2)
    return config


def engine_defaults(options: Options, identity: str, rootless: bool) -> dict[str, Any]:
    """What every container of this engine has, whatever its image says."""
    config: dict[str, Any] = default_config(rootless=rootless)
    linux = config["linux"]
    # This process is in the user namespace already, and the container stays in it.
    shared = ("user", "network") if options.network == "host" else ("user",)
    linux["namespaces"] = [one for one in linux["namespaces"] if one["type"] not in shared]
    for name in ("uidMappings", "gidMappings"):
        linux.pop(name, None)
    if rootless and options.network == "host":
        config["mounts"] = [_shared_sysfs(mount) for mount in config["mounts"]]
    process = config["process"]
    process["terminal"] = options.terminal
    process["capabilities"] = {
        name: list(CAPABILITIES) for name in ("bounding", "effective", "permitted")
    }
    del process["rlimits"]
    config["root"] = {"path": "rootfs", "readonly": options.read_only}
    config["hostname"] = options.hostname or identity[:12]
    resources = linux.setdefault("resources", {})
    if options.memory is not None:
        resources["memory"] = {"limit": options.memory}
    if options.pids_limit is not None:
        resources["pids"] = {"limit": options.pids_limit}
    return config


def _shared_sysfs(mount: dict[str, Any]) -> dict[str, Any]:
    """A new sysfs needs a network namespace of our own; without one, the machine's is shown."""
    return _bind("/sys", "/sys", ["ro"]) if mount["type"] == "sysfs" else mount


def with_options(image: ImageConfig, options: Options) -> ImageConfig:
    """The image's config, with what the user says in its place. Raises BadOption."""
    entrypoint = None
    if options.entrypoint is not None:
        entrypoint = [options.entrypoint] if options.entrypoint else []
    changed = with_overrides(
        image,
        entrypoint=entrypoint,
        user=options.user,
        environment=environment(options.env),
        working_directory=options.workdir,
    )
    settings = changed.get("config", {})
    if not (settings.get("Entrypoint") or settings.get("Cmd") or options.arguments):
        raise BadOption("the image names no command to run", hint="Say one after the image's name.")
    return changed


def environment(words: list[str]) -> list[str]:
    """`NAME=value` as it is; a bare `NAME` takes this process's value, if it has one."""
    values = [word if "=" in word else f"{word}={os.environ.get(word)}" for word in words]
    return [v for w, v in zip(words, values, strict=True) if "=" in w or w in os.environ]


def network_files(container: str, hostname: str, network: str) -> list[dict[str, Any]]:
    """Mounts for /etc/hostname and /etc/hosts; the resolver of the host comes with its network."""
    hosts = f"127.0.0.1\tlocalhost {hostname}\n::1\tlocalhost ip6-localhost\n"
    mounts = []
    for name, content in (("hostname", f"{hostname}\n"), ("hosts", hosts)):
        path = os.path.join(container, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        mounts.append(_bind(path, f"/etc/{name}", ["rw"]))
    if network == "host" and os.path.exists("/etc/resolv.conf"):
        mounts.append(_bind(os.path.realpath("/etc/resolv.conf"), "/etc/resolv.conf", ["ro"]))
    return mounts


def bind_mount(volume: str) -> dict[str, Any]:
    """`SOURCE:DESTINATION[:ro|rw]` as a mount of the runtime-spec. Raises BadOption."""
    parts = volume.split(":")
    if (
        len(parts) not in (2, 3)
        or not os.path.isabs(parts[1])
        or parts[2:] not in ([], ["ro"], ["rw"])
    ):
        raise BadOption("not a volume", volume, "like ./site:/usr/share/nginx/html:ro")
    source = os.path.abspath(parts[0])
    if not os.path.exists(source):
        raise BadOption("no such file or directory to mount", source)
    return _bind(source, parts[1], parts[2:])


def _bind(source: str, destination: str, options: list[str]) -> dict[str, Any]:
    return {
        "destination": destination,
        "type": "bind",
        "source": source,
        "options": ["rbind", "rprivate", *options],
    }

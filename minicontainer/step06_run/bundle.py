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
from minicontainer.lib.default_config import default_config
from minicontainer.step03_image.runtime_config import merge_environment, to_runtime_config
from minicontainer.step03_image.spec import ImageConfig, Settings

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
    image: ImageConfig, container: str, id: str, options: Options, rootless: bool
) -> dict[str, Any]:
    """The runtime configuration for a container of `image`, made a bundle.

    It begins with what the engine gives to every container. Behind the mounts that
    are there already come the network's files, and then the user's volumes in their
    order. Over all this goes the image's config, changed by the user's options. The
    result is written as JSON to `container`/config.json, and returned; the root
    filesystem is at `container`/rootfs.

    `id` is the container's id; `rootless` says that the caller is root of
    a user namespace only.
    Raises BadOption, and ImageError for a user that the image does not have.
    Spec: image-spec, conversion.md; runtime-spec, bundle.md.
    """
    base = engine_defaults(options, id, rootless)
    files = network_files(container, base["hostname"], options.network)
    base["mounts"] += files + [bind_mount(volume) for volume in options.volumes]
    image = with_options(image, options)
    config = to_runtime_config(image, base, Path(container, "rootfs"))
    Path(container, "config.json").write_text(json.dumps(config, indent=2))
    return config


def engine_defaults(options: Options, id: str, rootless: bool) -> dict[str, Any]:
    """What every container of this engine has, whatever its image says: a configuration."""
    config: dict[str, Any] = default_config(rootless=rootless)
    linux, process = config["linux"], config["process"]
    # This process is in the user namespace already, and the container stays in it.
    shared = ("user", "network") if options.network == "host" else ("user",)
    linux["namespaces"] = [one for one in linux["namespaces"] if one["type"] not in shared]
    for name in ("uidMappings", "gidMappings"):
        linux.pop(name, None)
    linux["resources"] = {**linux.get("resources", {}), **limits(options)}
    if rootless and options.network == "host":
        config["mounts"] = [_shared_sysfs(mount) for mount in config["mounts"]]
    config["root"] = {"path": "rootfs", "readonly": options.read_only}
    config["hostname"] = options.hostname or id[:12]
    process["terminal"] = options.terminal
    process["env"].append(f"HOSTNAME={config['hostname']}")
    process["capabilities"] = dict.fromkeys(("bounding", "effective", "permitted"), CAPABILITIES)
    del process["rlimits"]
    return config


def limits(options: Options) -> dict[str, Any]:
    """What the user says of memory and processes, as config.json's linux.resources has it."""
    said = {"memory": options.memory, "pids": options.pids_limit}
    return {name: {"limit": limit} for name, limit in said.items() if limit is not None}


def _shared_sysfs(mount: dict[str, Any]) -> dict[str, Any]:
    """A new sysfs needs a network namespace of our own; without one, the machine's is shown."""
    return bind("/sys", "/sys", ["ro"]) if mount["type"] == "sysfs" else mount


def with_options(image: ImageConfig, options: Options) -> ImageConfig:
    """The image's config as if the image had been built with what the user says.

    - `options.entrypoint`, unless it is None, becomes the Entrypoint, one word, and
      the image's Cmd goes: it was meant for another program. "" means no Entrypoint.
    - `options.arguments`, if there are any, become the Cmd.
    - `options.user` and `options.workdir`, unless None, become User and WorkingDir.
    - `options.env` joins the image's Env; where both have a variable, the user's wins.

    `image` itself is not changed, and all the rest stays as it is.
    Raises BadOption when nothing is left to run: no Entrypoint and no Cmd.
    Spec: image-spec, config.md, "config", and conversion.md.
    """
    settings: Settings = {**image.get("config", {})}
    if options.entrypoint is not None:
        settings["Entrypoint"] = [options.entrypoint] if options.entrypoint else []
        settings["Cmd"] = []
    if options.arguments:
        settings["Cmd"] = options.arguments
    if options.user is not None:
        settings["User"] = options.user
    if options.workdir is not None:
        settings["WorkingDir"] = options.workdir
    variables = environment(options.env)
    settings["Env"] = merge_environment(variables, settings.get("Env", []))
    if not settings.get("Entrypoint") and not settings.get("Cmd"):
        raise BadOption("the image names no command to run", hint="Say one after the image's name.")
    return {**image, "config": settings}


def environment(words: list[str]) -> list[str]:
    """`NAME=value` as it is; a bare `NAME` takes this process's value, if it has one.

    Raises BadOption for a word without a name.
    """
    for word in words:
        if not word.partition("=")[0]:
            raise BadOption("a variable needs a name", f"-e {word}", "like -e NAME=value")
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
        os.chmod(path, 0o644)  # for users of the container, whatever the umask
        mounts.append(bind(path, f"/etc/{name}", ["rw"]))
    if network == "host" and os.path.exists("/etc/resolv.conf"):
        mounts.append(bind(os.path.realpath("/etc/resolv.conf"), "/etc/resolv.conf", ["ro"]))
    return mounts


def bind_mount(volume: str) -> dict[str, Any]:
    """The user's `SOURCE:DESTINATION`, or with `:ro` or `:rw` behind it, as a mount.

    A mount of the runtime-spec has "destination", "type", "source" and "options".
    SOURCE may be relative to the directory of this process; the mount has its
    absolute path. Ours shows what is mounted below SOURCE too (rbind), does not
    pass mounts on (rprivate), and then has `ro` or `rw`, if the user says so.

    Raises BadOption for any other form, for a DESTINATION that is not absolute,
    and for a SOURCE that does not exist.
    Spec: runtime-spec, config.md, "Mounts".
    """
    parts = volume.split(":")
    known = len(parts) >= 2 and parts[0] and parts[2:] in ([], ["ro"], ["rw"])
    if not known or not os.path.isabs(parts[1]):
        raise BadOption("not a volume", volume, "like ./site:/usr/share/nginx/html:ro")
    source = os.path.abspath(parts[0])
    if not os.path.exists(source):
        raise BadOption("no such file or directory to mount", source)
    return bind(source, parts[1], parts[2:])


def bind(source: str, destination: str, options: list[str]) -> dict[str, Any]:
    """The mount that shows `source`, with all that is mounted below it, at `destination`."""
    return {
        "destination": destination,
        "type": "bind",
        "source": source,
        "options": ["rbind", "rprivate", *options],
    }

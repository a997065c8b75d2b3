"""What does a config.json look like? The one that `minirunc spec` writes.

It begins with default_config.json: `sh` in ./rootfs with namespaces of its own, three
capabilities and a read-only root, as runc's `spec` gives.
Spec: runtime-spec, config.md and config-linux.md, "Default Filesystems".
"""

from __future__ import annotations

import os

from .jsontext import loads

OCI_VERSION = "1.2.0"
#: where programs are looked for in a container whose image does not say
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def default_config(rootless: bool = False) -> dict:
    """A whole configuration; with `rootless`, one that an ordinary user can run.

    Rootless adds a user namespace in which the caller is root, leaves out
    what needs an unmapped group (devpts' gid=5) and asks for no limits.
    """
    with open(os.path.join(os.path.dirname(__file__), "default_config.json"), "rb") as file:
        config = {"ociVersion": OCI_VERSION, **loads(file.read())}
    config["process"]["env"].insert(0, f"PATH={DEFAULT_PATH}")
    if rootless:
        _make_rootless(config)
    return config


def _make_rootless(config: dict) -> None:
    pts = next(mount for mount in config["mounts"] if mount["type"] == "devpts")
    pts["options"].remove("gid=5")
    linux = config["linux"]
    del linux["resources"]
    linux["namespaces"].append({"type": "user"})
    linux["uidMappings"] = [{"containerID": 0, "hostID": os.geteuid(), "size": 1}]
    linux["gidMappings"] = [{"containerID": 0, "hostID": os.getegid(), "size": 1}]

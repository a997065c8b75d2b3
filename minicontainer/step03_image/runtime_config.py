"""The image's config becomes the runtime's config.json.

In: the image config, a runtime config to start from, and the root filesystem
(for /etc/passwd and /etc/group). Out: the config.json of a bundle.
Spec: image-spec, conversion.md and config.md; runtime-spec, config.md.
"""

from __future__ import annotations

import copy
import posixpath
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minicontainer.errors import ImageError
from minicontainer.lib.default_config import DEFAULT_PATH
from minicontainer.lib.files import plain_errors
from minicontainer.lib.users import User, look_up_user

from .spec import ImageConfig
from .tree import RootFilesystem

_ANNOTATION = "org.opencontainers.image."


def to_runtime_config(
    image: ImageConfig, base: dict[str, Any], root: Path, arguments: Sequence[str] = ()
) -> dict[str, Any]:
    """The runtime config for a container of the image, made from a copy of `base`.

    The program is Entrypoint and then Cmd, for which `arguments` stand in if there
    are any. Env comes first, and `base` adds the variables that it does not name,
    as do a default PATH and the user's HOME. WorkingDir is `/` unless given.
    User is looked up in `root`, the unpacked root filesystem. Labels become
    annotations, and so do (where Labels do not say otherwise) the image's facts;
    the annotations of `base` stay where neither says otherwise.
    Volumes stay directories of the root filesystem (nothing to do).

    Raises ImageError if there is no program, or no such user or group in `root`.
    Spec: image-spec, conversion.md.
    """
    settings = image.get("config", {})
    config = copy.deepcopy(base)
    process = config.setdefault("process", {})
    program = [*settings.get("Entrypoint", []), *(arguments or settings.get("Cmd", []))]
    if not program:
        raise ImageError("the image names no program to run", hint="say which one to run")
    user = find_user(root, settings.get("User", ""))
    defaults = [*process.get("env", []), f"PATH={DEFAULT_PATH}", f"HOME={user.home}"]
    process["args"] = program
    process["env"] = merge_environment(settings.get("Env", []), defaults)
    process["cwd"] = posixpath.join("/", settings.get("WorkingDir", ""))
    process["user"] = {**process.get("user", {}), **user.ids()}
    config["annotations"] = {**config.get("annotations", {}), **image_annotations(image)}
    return config


def find_user(root: Path, wanted: str) -> User:
    """The user that the config's `User` names, by the image's own /etc/passwd and /etc/group.

    Links on the way are followed inside `root`. Raises ImageError for an unknown name.
    Spec: image-spec, config.md, "User".
    """
    with plain_errors(root), RootFilesystem(root) as files:
        return look_up_user(files.read, wanted)


def merge_environment(first: Sequence[str], defaults: Sequence[str]) -> list[str]:
    """`first` (of two equal names the later one), and of `defaults` the names not in it."""
    merged = {entry.partition("=")[0]: entry for entry in first}
    for entry in defaults:
        merged.setdefault(entry.partition("=")[0], entry)
    return [entry if "=" in entry else f"{entry}=" for entry in merged.values()]


def image_annotations(image: ImageConfig) -> dict[str, str]:
    """What the config says of the image, under the names that the specification gives it."""
    settings = image.get("config", {})
    facts = {
        "os": image["os"],
        "architecture": image["architecture"],
        "variant": image.get("variant"),
        "os.version": image.get("os.version"),
        "os.features": ",".join(image.get("os.features", [])),
        "author": image.get("author"),
        "created": image.get("created"),
        "stopSignal": settings.get("StopSignal"),
        "exposedPorts": ",".join(sorted(settings.get("ExposedPorts", {}))),
    }
    implicit = {_ANNOTATION + name: value for name, value in facts.items() if value}
    return {**implicit, **settings.get("Labels", {})}

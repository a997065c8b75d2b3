"""What is in a bundle? A directory with config.json and the root filesystem it names.

In: the bundle's path. Out: the configuration as a dict that mirrors the JSON,
checked (lib/config_schema.py), with `root.path` and the sources of bind mounts made
absolute, since later steps work in other directories and namespaces.
Spec: runtime-spec, bundle.md and config.md.
"""

from __future__ import annotations

import os

from minicontainer.errors import BundleError
from minicontainer.lib.config_schema import check_config, is_bind
from minicontainer.lib.jsontext import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def load_bundle(bundle: str) -> dict:
    """The checked configuration of the bundle in directory `bundle`.

    Paths that config.json gives relative to the bundle are absolute in the
    result: `root.path` (links resolved) and the sources of bind mounts.

    Raises BundleError: no config.json, no JSON, a rule broken, no root directory.
    Spec: runtime-spec, bundle.md; config.md, "Root" and "Mounts".
    """
    bundle = os.path.abspath(bundle)
    path = os.path.join(bundle, "config.json")
    config = read_json(path)
    check_config(config, path)
    root = os.path.realpath(os.path.join(bundle, config["root"]["path"]))
    if not os.path.isdir(root):
        raise BundleError("the root filesystem is missing: no such directory", root)
    config["root"]["path"] = root
    for mount in config.get("mounts", []):
        if is_bind(mount):
            mount["source"] = os.path.join(bundle, mount["source"])
    return config


def read_json(path: str) -> Any:
    """What the JSON file `path` holds. Raises BundleError when it can't be read or parsed."""
    try:
        with open(path, "rb") as file:
            return loads(file.read())
    except OSError as error:
        hint = "`minirunc spec` writes a config.json to start from"
        raise BundleError(error.strerror or str(error), path, hint) from None
    except (ValueError, RecursionError) as error:
        raise BundleError(f"not valid JSON: {error}", path) from None

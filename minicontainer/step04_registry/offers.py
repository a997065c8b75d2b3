"""No such image: what has the registry instead?

In: the failure of a pull. Out: the same in a user's words, with the tags or repositories
on offer. distribution-spec, spec.md, "Listing Tags".
"""

from __future__ import annotations

from minicontainer.errors import MinicontainerError
from minicontainer.lib.addresses import is_loopback, origin
from minicontainer.lib.http import read_json
from minicontainer.lib.http_errors import LoginNeeded, NotFound, printable

from .client import Registry, list_tags
from .reference import Reference

LARGEST_CATALOG = 1 << 20
MOST_SHOWN = 20


def with_offer(
    missing: NotFound | LoginNeeded, registry: Registry, reference: Reference
) -> MinicontainerError:
    """The failure in a user's words, with what the registry has instead, if it tells."""
    try:
        tags = list_tags(registry, reference.repository)
    except MinicontainerError:
        tags = []
    if tags and isinstance(missing, NotFound):
        what = f"no image {reference.wanted}"
        return NotFound(404, what, reference.familiar, f"on offer: {listed(tags)}")
    offer = repositories_on_offer(registry)
    if offer:
        what = f"{registry.host} has no such image"
        return NotFound(404, what, reference.familiar, f"on offer: {listed(offer)}")
    if isinstance(missing, NotFound):
        hint = f"check the name; {registry.host} said: {missing.what}"
        return NotFound(404, "no such image", reference.familiar, hint)
    hint = "the name is wrong, or the image is private: then log in first"
    return LoginNeeded(missing.status, "access denied", reference.familiar, hint)


def listed(names: list[str]) -> str:
    """The first of `names`, in order, for a message."""
    more = " …" if len(names) > MOST_SHOWN else ""
    return printable(", ".join(sorted(names)[:MOST_SHOWN])) + more


def repositories_on_offer(registry: Registry) -> list[str]:
    """What a registry on this machine has; others' catalogs are too long, or closed."""
    if not is_loopback(origin(registry.address)[1]):
        return []
    try:
        with registry.get("/v2/_catalog", "") as response:
            found = read_json(response, LARGEST_CATALOG).get("repositories") or []
    except MinicontainerError:
        return []
    return [name for name in found if isinstance(name, str)]

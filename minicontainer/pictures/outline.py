"""The same as the pictures, as text for a terminal: a tree with short digests and sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .disk import Storage
from .documents import Found, Image, is_docker
from .text import plural, readable, short, size

#: rows below one box of the tree.
MOST_ROWS = 40


def image_outline(images: Sequence[Image]) -> str:
    """The documents of `images` as a tree; a layer that was met before is marked."""
    met: set[str] = set()
    lines: list[str] = []
    for image in images:
        lines.append(f"{readable(image.name, 80)}  ({readable(image.origin)})")
        lines += _tree([image.top], met)
    return "\n".join(lines)


def _tree(found: Sequence[Found], met: set[str], indent: str = "") -> Iterator[str]:
    shown = found[:MOST_ROWS]
    for number, it in enumerate(shown):
        last = number == len(found) - 1
        mark = "  (shared)" if it.kind == "layer" and it.digest in met else ""
        met.add(it.digest)
        yield f"{indent}{'└─ ' if last else '├─ '}{_row(it)}{mark}"
        yield from _tree(it.children, met, indent + ("   " if last else "│  "))
    if len(found) > len(shown):
        yield f"{indent}└─ … and {len(found) - len(shown)} more"


def _row(found: Found) -> str:
    flavour = "Docker" if is_docker(found.descriptor["mediaType"]) else "OCI"
    kind = f"{flavour} {found.kind}" if found.kind in ("index", "manifest") else found.kind
    words = [f"{kind:<15}", short(found.digest), f"{size(found.size):>8}", _platform(found)]
    return "  ".join(filter(None, [*words, found.problem])).rstrip()


def _platform(found: Found) -> str:
    return "" if found.kind == "attestation" else readable(found.platform)


def storage_outline(storage: Storage) -> str:
    """What a registry's storage holds, repository by repository."""
    lines = [readable(storage.place, 200)]
    for name, repository in sorted(storage.repositories.items())[:MOST_ROWS]:
        lines.append(f"├─ repositories/{readable(name, 80)}")
        for tag, digest in sorted(repository.tags.items())[:MOST_ROWS]:
            lines.append(f"│  ├─ _manifests/tags/{readable(tag)}/current/link -> {short(digest)}")
        unused = len(repository.unused())
        counts = [plural(len(repository.revisions), "revision")]
        counts += [plural(len(repository.layers), "layer link")]
        counts += [f"{unused} that no tag leads to"] if unused else []
        counts += [plural(len(repository.uploads), "unfinished upload")] * bool(repository.uploads)
        lines.append(f"│  └─ {', '.join(counts)}")
    total = size(sum(storage.blobs.values()))
    lines.append(f"└─ blobs: {len(storage.blobs)}, {total}")
    unreferenced = sorted(storage.unreferenced())
    lines += [f"   no link points to {short(digest)}" for digest in unreferenced[:MOST_ROWS]]
    return "\n".join(lines)

"""Where does a registry keep an image? Its directories, with every link drawn as an arrow.

In: a storage (disk.py), and an OCI layout to stand beside it. Out: a picture,
left to right: tags -> revisions and layer links -> blobs, repository by
repository; blobs that no link points to are marked; and the layout's blobs,
which are the same bytes under another name.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from minicontainer.errors import MinicontainerError
from minicontainer.step03_image.layout import Layout, open_layout, references

from .disk import Repository, Storage, read_storage
from .drawing import COLOURS, Picture, Sketch
from .text import bar, plural, readable, short, size

#: more than this of a kind in one frame becomes "… and N more".
MOST = {"repositories": 6, "tags": 8, "links": 14, "blobs": 40}
WIDE = 22


def storage_tree(
    place: str | os.PathLike[str],
    beside: str | os.PathLike[str] | None = None,
    *,
    repository: str | None = None,
) -> Picture:
    """The registry storage at `place` (a directory, or `s3://…`), `beside` an OCI layout.

    With `repository` only that one, and the blobs it links to, are drawn.
    Raises MinicontainerError when there is no storage, layout or repository of that name.
    """
    return draw_storage(read_storage(place), beside, repository=repository)


def draw_storage(
    storage: Storage,
    beside: str | os.PathLike[str] | None = None,
    *,
    repository: str | None = None,
) -> Picture:
    """As storage_tree, for a storage that was read already."""
    if repository is not None:
        if repository not in storage.repositories:
            on_offer = ", ".join(sorted(storage.repositories)) or "none"
            what = f"no repository {repository!r}"
            raise MinicontainerError(what, storage.place, f"on offer: {on_offer}")
        storage = replace(storage, repositories={repository: storage.repositories[repository]})
    layout = open_layout(Path(beside)) if beside is not None else None
    return _Drawing(storage, layout, repository is None).picture()


class _Drawing:
    """The sketch, and the node of every blob, so that each is drawn once."""

    def __init__(self, storage: Storage, layout: Layout | None, whole: bool) -> None:
        self.storage, self.layout = storage, layout
        self.unreferenced = storage.unreferenced() if whole else set[str]()
        self.largest = max(storage.blobs.values(), default=0)
        caption = [readable(f"{storage.place}  docker/registry/v2", 90)]
        if storage.cut_short:
            caption.append("(only the first files; there are more)")
        self.sketch = Sketch(caption, labelloc="t", labeljust="l", ranksep="1.1")
        self.links: list[tuple[str, str, str]] = []
        self.blobs: dict[str, str] = {}

    def picture(self) -> Picture:
        shown = sorted(self.storage.repositories)[: MOST["repositories"]]
        for name in shown:
            with self.sketch.cluster([f"repositories/{name}"]):
                self.repository(self.storage.repositories[name])
        if rest := len(self.storage.repositories) - len(shown):
            self.sketch.node("quiet", [f"… and {plural(rest, 'more repository')}"])
        self.all_blobs()
        for tail, digest, colour in self.links:
            if digest in self.blobs:
                self.sketch.edge(tail, self.blobs[digest], color=colour)
            else:
                missing = self.sketch.node("warning", ["no such blob", short(digest)], digest, WIDE)
                self.blobs[digest] = missing
                self.sketch.edge(tail, missing, color="#cf222e")
        if self.layout:
            self.beside(self.layout)
        return self.sketch.picture(self.in_words(shown))

    def repository(self, repository: Repository) -> None:
        """The link files of one repository: revisions, tags that lead to them, layers, uploads."""
        revisions = self.link_files("_manifests/revisions", repository, repository.revisions)
        name = ""
        with self.sketch.cluster(["_manifests/tags"]):
            for tag, digest in sorted(repository.tags.items())[: MOST["tags"]]:
                lines = [f"{readable(tag, 30)}/current/link", short(digest)]
                name = self.sketch.node("reference", lines, digest, WIDE)
                if digest in revisions:
                    self.sketch.edge(name, revisions[digest])
                else:
                    self.links.append((name, digest, "#8c959f"))
            if (rest := len(repository.tags) - MOST["tags"]) > 0:
                self.sketch.node("quiet", [f"… and {plural(rest, 'more tag')}"], "", WIDE)
        for layer in self.link_files("_layers", repository, repository.layers).values():
            if name:  # an arrow that is not seen puts the layers into the revisions' column
                self.sketch.edge(name, layer, style="invis")
        if repository.uploads:
            with self.sketch.cluster(["_uploads"]):
                for upload, count in sorted(repository.uploads.items())[: MOST["tags"]]:
                    lines = [f"{readable(upload, 13)}/data", f"unfinished, {size(count)}"]
                    self.sketch.node("warning", lines, upload, WIDE)

    def link_files(self, title: str, repository: Repository, digests: set[str]) -> dict[str, str]:
        """A frame of link files; node names by digest."""
        nodes: dict[str, str] = {}
        unused = repository.unused()
        with self.sketch.cluster([title]):
            for digest in sorted(digests, key=self.order)[: MOST["links"]]:
                kind = self.storage.kinds.get(digest, "layer")
                lines = [f"{folder(digest)}/link"]
                lines += ["no tag leads here"] if digest in unused else []
                look = {"style": "rounded,filled,dashed"} if digest in unused else {}
                nodes[digest] = self.sketch.node(kind, lines, digest, WIDE, **look)
                self.links.append((nodes[digest], digest, COLOURS[kind][1]))
            if (rest := len(digests) - MOST["links"]) > 0:
                self.sketch.node("quiet", [f"… and {plural(rest, 'more link')}"], "", WIDE)
        return nodes

    def order(self, digest: str) -> tuple[int, str]:
        kinds = ("layer", "config", "manifest", "index")
        return -kinds.index(self.storage.kinds.get(digest, "layer")), digest

    def all_blobs(self) -> None:
        """The blobs; those that links shown here point to, and those that no link points to."""
        linked = {digest for _, digest, _ in self.links if digest in self.storage.blobs}
        with self.sketch.cluster(["blobs"]):
            for digest in sorted(linked, key=self.order):
                kind = self.storage.kinds.get(digest, "layer")
                self.blobs[digest] = self.blob(kind, digest, self.storage.blobs[digest])
            for digest in sorted(self.unreferenced)[: MOST["blobs"]]:
                count = self.storage.blobs[digest]
                self.blobs[digest] = self.blob("warning", digest, count, "no link points here")

    def blob(self, kind: str, digest: str, count: int, remark: str = "") -> str:
        algorithm, _, encoded = digest.partition(":")
        name = f"{algorithm}/{encoded[:2]}/{encoded[:8]}…/data"
        weight = f"{size(count):<8}{bar(count, self.largest, 10)}"
        return self.sketch.node(kind, [name, remark or kind, weight], digest, WIDE + 2)

    def beside(self, layout: Layout) -> None:
        """The same image as an OCI layout: blobs by the same digests, names in index.json."""
        names = references(layout)
        files = (layout.path / "blobs").glob("*/*")
        sizes = {f"{file.parent.name}:{file.name}": file.stat().st_size for file in files}
        digests = sorted(sizes, key=lambda digest: (digest not in self.blobs, self.order(digest)))
        nodes: dict[str, str] = {}
        with self.sketch.cluster([f"OCI layout {layout.path.name}"]):
            with self.sketch.cluster(["blobs"]):
                for digest in digests[: MOST["blobs"]]:
                    kind = self.storage.kinds.get(digest, "quiet")
                    lines = [folder(digest), size(sizes[digest])]
                    nodes[digest] = self.sketch.node(kind, lines, digest, WIDE)
            index = self.sketch.node(
                "index", ["index.json", *sorted(readable(name, 44) for name in names)[:12]]
            )
        for digest, node in nodes.items():
            if digest in self.blobs:
                look = {"style": "dotted", "dir": "none", "color": "#1a7f37"}
                self.sketch.edge(self.blobs[digest], node, **look)
        for digest in {descriptor["digest"] for descriptor in names.values()} & set(nodes):
            self.sketch.edge(nodes[digest], index, dir="back")

    def in_words(self, shown: list[str]) -> str:
        storage = self.storage
        total = size(sum(storage.blobs.values()))
        parts = [f"{plural(len(storage.blobs), 'blob')}, {total}"]
        for name in shown:
            it = storage.repositories[name]
            tags = ", ".join(sorted(it.tags)[:10]) or "none"
            counts = (
                f"{plural(len(it.revisions), 'revision')}, {plural(len(it.layers), 'layer link')}"
            )
            parts.append(f"repository {name}: tags {tags}; {counts}")
        if self.unreferenced:
            parts.append(f"{plural(len(self.unreferenced), 'blob')} to which no link points")
        if self.layout:
            parts.append("beside it an OCI layout whose blobs are the same bytes")
        return f"A registry's storage at {storage.place}. {'. '.join(parts)}."


def folder(digest: str) -> str:
    """`sha256/` and twelve digits: a digest as directories spell it."""
    return short(digest).replace(":", "/")

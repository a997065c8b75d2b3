"""What is an image made of, and what do two images share?

In: images (documents.py). Out: a picture, left to right: reference -> index ->
manifests -> config and layers. A layer of several manifests is drawn once,
to the right; the caption says how many bytes a second pull saves.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .documents import Found, Image, is_docker
from .drawing import Picture, Sketch
from .sharing import Drawn, choose_drawn, second_pulls, shared_layers
from .sources import Names, open_images
from .text import bar, columns, plural, short, size

#: more layers or platforms than this are drawn as one box.
MOST_LAYERS, LONGEST_LIST = 12, 40
#: characters of `sha256:` and twelve digits: the boxes of a column are equally wide.
WIDE = 19
DASHED = {"style": "rounded,filled,dashed"}
DOUBLE = {"style": "filled", "peripheries": "2"}
#: what the frames mean: a kind of thing that a picture may have -> the box that stands for it
LEGEND = {
    "oci": ("quiet", "OCI media type", {}),
    "docker": ("quiet", "Docker schema 2", DOUBLE),
    "shared": ("shared", "shared, drawn once", {}),
    "attestation": ("quiet", "attestation", DASHED),
}


def manifest_graph(
    images: Names, platform: str | None = None, *, store: Path | None = None
) -> Picture:
    """A picture of `images`: references, `oci:DIR:TAG`, or directories of OCI layouts.

    With `platform` ("linux/arm64") only its manifests are drawn in full; else
    all, or the one that fits this machine where there are many.
    Raises a MinicontainerError when an image is not to be found.
    """
    return draw_images(open_images(images, store), platform)[0]


def draw_images(
    images: Sequence[Image], platform: str | None = None
) -> tuple[Picture, dict[str, list[Found]]]:
    """The picture, and for each of its nodes the documents that stand behind it."""
    drawing = _Drawing(choose_drawn(images, platform))
    for image in images:
        drawing.image(image)
    drawing.shared_column()
    drawing.legend()
    return drawing.sketch.picture(in_words(images, drawing.drawn)), drawing.behind


class _Drawing:
    """The sketch, and what is known of all images together while they are drawn."""

    def __init__(self, drawn: list[Drawn]) -> None:
        self.drawn = drawn
        self.unfolded = {it.manifest.digest for it in drawn}
        self.shared = shared_layers(drawn)
        self.largest = max((layer.size for it in drawn for layer in it.layers), default=0)
        caption = [str(saving) for saving in second_pulls(drawn)[:6]]
        self.sketch = Sketch(caption, labelloc="b", labeljust="l")
        self.behind: dict[str, list[Found]] = {}
        self.nodes: dict[str, str] = {}
        self.kinds: set[str] = set()
        self.to_shared: list[tuple[str, Found]] = []

    def box(self, kind: str, lines: Sequence[str], *behind: Found, **look: str) -> str:
        """A node that stands for `behind`; Docker's media types get square, double frames."""
        if behind and is_docker(media_type(behind[0])):
            self.kinds.add("docker")
            look |= DOUBLE
        elif behind and behind[0].kind in ("index", "manifest"):
            self.kinds.add("oci")
        tip = behind[0].digest if len(behind) == 1 else ""
        name = self.sketch.node(kind, lines, tip, WIDE, **look)
        self.behind[name] = list(behind)
        return name

    def image(self, image: Image) -> None:
        """The reference, and everything below it."""
        name = self.box("reference", [image.name, image.origin])
        self.behind[name] = [image.top]
        self.below(name, image.top)

    def below(self, parent: str, found: Found) -> None:
        """Draw `found`, unless it is there already, and an edge from `parent` to it."""
        if found.digest not in self.nodes:
            draw = {"index": self.index, "attestation": self.attestation}.get(
                found.kind, self.manifest
            )
            self.nodes[found.digest] = draw(found)
        style = "dashed" if found.kind == "attestation" else "solid"
        self.sketch.edge(parent, self.nodes[found.digest], style=style)

    def index(self, found: Found) -> str:
        lines = [f"{flavour(found)} index", short(found.digest), size(found.size)]
        name = self.box("index", lines + problem(found), found)
        folded = []
        attested = []
        for child in found.children:
            if child.kind == "attestation":
                attested.append(child)
            elif child.kind == "index" or child.digest in self.unfolded:
                self.below(name, child)
            else:
                folded.append(child)
        if folded:
            self.sketch.edge(name, self.folded(folded))
        if len(attested) > 2:
            self.kinds.add("attestation")
            total = size(sum(child.size for child in attested))
            lines = [plural(len(attested), "attestation"), total]
            many = self.box("quiet", lines, *attested, **DASHED)
            self.sketch.edge(name, many, style="dashed")
        else:
            for child in attested:
                self.below(name, child)
        return name

    def attestation(self, found: Found) -> str:
        self.kinds.add("attestation")
        about = (found.descriptor.get("annotations") or {}).get("vnd.docker.reference.digest", "")
        lines = ["attestation", short(found.digest), *([f"on {short(about)}"] if about else [])]
        return self.box("quiet", lines, found, **DASHED)

    def folded(self, manifests: list[Found]) -> str:
        """One box that lists many platforms: how many layers, how many bytes."""
        rows = [
            (
                it.platform or short(it.digest),
                len(it.children) - 1,
                sum(c.size for c in it.children),
            )
            for it in manifests[:LONGEST_LIST]
        ]
        widest = max(columns(row[0]) for row in rows)
        most = max(row[2] for row in rows)
        lines = [
            plural(len(manifests), "more platform"),
            *(list_row(row, widest, most) for row in rows),
        ]
        if len(manifests) > len(rows):
            lines.append(f"… and {len(manifests) - len(rows)} more")
        return self.box("manifest", lines, *manifests)

    def manifest(self, found: Found) -> str:
        """A frame with the manifest, its config and the layers that it alone has."""
        with self.sketch.cluster([found.platform or "no platform named"]):
            lines = [f"{flavour(found)} manifest", short(found.digest), size(found.size)]
            name = self.box("manifest", lines + problem(found), found)
            layers = [child for child in found.children if child.kind == "layer"]
            self.layers(name, layers)
            for child in found.children[:1]:
                lines = ["config", short(child.digest), size(child.size)]
                self.sketch.edge(name, self.box("config", lines, child))
        return name

    def layers(self, manifest: str, layers: list[Found]) -> None:
        """The layers that `manifest` alone has; the last first, since Graphviz stacks upwards."""
        shown = MOST_LAYERS if len(layers) > MOST_LAYERS + 1 else len(layers)
        if layers[shown:]:
            total = sum(layer.size for layer in layers[shown:])
            lines = [plural(len(layers) - shown, "more layer"), self.weight(total)]
            self.sketch.edge(manifest, self.box("layer", lines, *layers[shown:]))
        for number, layer in reversed(list(enumerate(layers[:shown], 1))):
            if layer.digest in self.shared:
                self.to_shared.append((manifest, layer))
            else:
                lines = [f"layer {number}", short(layer.digest), self.weight(layer.size)]
                self.sketch.edge(manifest, self.box("layer", lines, layer))

    def shared_column(self) -> None:
        """The shared layers, once each, with an edge from every manifest that has them."""
        nodes: dict[str, str] = {}
        for manifest, layer in self.to_shared:
            if layer.digest not in nodes:
                self.kinds.add("shared")
                lines = ["shared layer", short(layer.digest), self.weight(layer.size)]
                nodes[layer.digest] = self.box("shared", lines, layer)
            self.sketch.edge(manifest, nodes[layer.digest], minlen="2", color="#bc4c00")

    def weight(self, count: int) -> str:
        return f"{size(count):<8}{bar(count, self.largest, 10)}"

    def legend(self) -> None:
        """What the frames mean, as far as this picture has them."""
        with self.sketch.cluster(["legend"], color="transparent", fontsize="9"):
            for kind, (box, text, look) in LEGEND.items():
                if kind in self.kinds:
                    self.sketch.node(box, [text], "", WIDE, **look)


def media_type(found: Found) -> str:
    return str(found.descriptor.get("mediaType", ""))


def flavour(found: Found) -> str:
    """The answer to "is it OCI or Docker?"."""
    return "Docker" if is_docker(media_type(found)) else "OCI"


def problem(found: Found) -> list[str]:
    return [f"! {found.problem[: WIDE + 6]}"] if found.problem else []


def list_row(row: tuple[str, int, int], widest: int, most: int) -> str:
    platform, layers, count = row
    name = platform + " " * (widest - columns(platform))
    if layers < 0:
        return f"{name}  not here"
    return f"{name}  {plural(layers, 'layer'):<9} {size(count):<8}{bar(count, most, 6)}"


def in_words(images: Sequence[Image], drawn: Sequence[Drawn]) -> str:
    """The picture for those who don't see it."""
    parts = []
    for image in images:
        kinds = [found.kind for found in image.top.each()]
        counts = [
            plural(kinds.count(kind), kind) for kind in ("index", "manifest") if kinds.count(kind)
        ]
        parts.append(f"{image.name}, {image.origin}: {', '.join(counts)}")
    for it in drawn:
        total = size(sum(layer.size for layer in it.layers))
        title = " ".join(filter(None, (it.name, it.manifest.platform)))
        parts.append(f"{title} has {plural(len(it.layers), 'layer')}, {total}")
    shared = len(shared_layers(drawn))
    parts.append(f"{plural(shared, 'layer')} shared" if shared else "no layer shared")
    return "Manifest graph. " + ". ".join([*parts, *map(str, second_pulls(drawn))]) + "."

"""The pictures on the slides, drawn by the package: slides/pictures/*.svg.

Drawn by Graphviz in WebAssembly, which gives the same bytes on every machine;
and with few, large boxes, since the last row must read them.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from minicontainer.pictures.documents import Image
from minicontainer.pictures.drawing import COLOURS, Picture, Sketch
from minicontainer.pictures.mounts import overlay_layers
from minicontainer.pictures.render import portable
from minicontainer.pictures.runtime import STATES
from minicontainer.pictures.sources import open_images
from minicontainer.pictures.storage import storage_tree
from minicontainer.pictures.text import short, size
from minicontainer.pictures.way import PARTS, STEPS, Thing
from minicontainer.registry.mirror import embedded_images
from slides.storage import write_storage

TAGS = ("1.0", "1.1")


def all_pictures() -> dict[str, str]:
    """File name -> SVG of every picture that the slides may show."""
    makers: dict[str, Callable[[], Picture]] = {
        "way": way_in_rows,
        **{f"way-{step}": partial(way_in_rows, step) for step in STEPS},
        "specifications": specifications,
        "lifecycle": upright_lifecycle,
        "index": image_index,
        "two-tags": two_tags,
        "storage": storage,
        "overlay": overlay,
        "token": token_way,
        "kubernetes": kubernetes,
        "chroot": chroot_door,
    }
    with portable():
        return {f"{name}.svg": make().svg() for name, make in makers.items()}


def way_in_rows(step: int | None = None) -> Picture:
    """The README's picture of the way, one row a part, with what `step` is about lit."""
    lit = {step} if step in STEPS and step != 6 else set(STEPS)
    sketch = Sketch(ranksep=".3", nodesep=".34")
    for part in reversed(PARTS):  # Graphviz puts the last one on top
        fill, line = COLOURS[part.kind]
        on = any(thing.steps & lit for thing in part.things)
        frame = {"color": line if on else "#8c959f", "fontcolor": line if on else "#57606a"}
        frame |= {"style": "rounded,filled", "fillcolor": fill if on else "#f6f8fa"}
        with sketch.cluster([f"{part.title}  {part.specification}"], **frame):
            names = [_way_thing(sketch, part.kind, thing, lit) for thing in part.things]
        for tail, head in itertools.pairwise(names):
            sketch.edge(tail, head, penwidth="1.4")
    seen = f" Lit: {STEPS[step]}." if step in STEPS else ""
    return sketch.picture(f"The way of docker run in three steps: pull, unpack, run.{seen}")


def _way_thing(sketch: Sketch, kind: str, thing: Thing, lit: set[int]) -> str:
    on = thing.steps & lit
    look = {"fillcolor": "#ffffff", "penwidth": "1.6"} if on else {}
    return sketch.node(kind if on else "quiet", [thing.name, thing.example], wide=15, **look)


def specifications() -> Picture:
    """Which tools meet at which of the three specifications."""
    rows = (
        ("process", "runtime-spec", "bundle; create, start, kill", "containerd, podman",
         "runc, crun, minirunc"),
        ("layer", "image-spec", "index, manifest, config, layers", "docker build, buildah",
         "containerd, podman"),
        ("manifest", "distribution-spec", "HTTP: names, manifests, blobs", "docker push, skopeo",
         "Docker Hub, GHCR, Harbor"),
    )  # fmt: skip
    sketch = Sketch(ranksep=".45", nodesep=".35")
    for kind, name, what, one, other in rows:
        left = sketch.node("quiet", one.split(", "), wide=14)
        middle = sketch.node(kind, [name, what], wide=31, penwidth="1.8")
        right = sketch.node("quiet", other.split(", "), wide=14)
        sketch.edge(left, middle, dir="both")
        sketch.edge(middle, right, dir="both")
    return sketch.picture("Three specifications, each between those who use and those who offer.")


def upright_lifecycle() -> Picture:
    """The states of the runtime-spec, from top to bottom."""
    sketch = Sketch(rankdir="TB", ranksep=".34")
    bundle = sketch.node("plain", ["a bundle"])
    states = {
        name: sketch.node("layer" if name == "running" else "manifest", [name, STATES[name]])
        for name in ("created", "running", "stopped")
    }
    gone = sketch.node("plain", ["nothing left"])
    way = (bundle, *states.values(), gone)
    for verb, tail, head in zip(("create", "start", "exit, kill", "delete"), way, way[1:],
                                strict=False):  # fmt: skip
        sketch.edge(tail, head, f"  {verb}", penwidth="1.4")
    return sketch.picture("create, start, exit or kill, delete: created, running, stopped, gone.")


def image_index() -> Picture:
    """The index of workshop/hello: one name, a manifest for each platform."""
    image = _embedded("workshop/hello:latest")
    sketch = Sketch(ranksep=".5", nodesep=".1")
    name = sketch.node("reference", ["workshop/hello", "a name"])
    index = sketch.node("index", ["index", size(image.top.size), short(image.top.digest)])
    sketch.edge(name, index)
    for child in image.top.children:
        attested = child.kind == "attestation"
        look = {"style": "rounded,filled,dashed"} if attested else {}
        title = "attestation" if attested else child.platform
        kind = "quiet" if attested else "manifest"
        node = sketch.node(kind, [title, short(child.digest)], wide=20, **look)
        sketch.edge(index, node, style="dashed" if attested else "solid")
    platforms = ", ".join(it.platform for it in image.top.children if it.kind == "manifest")
    return sketch.picture(f"One index leads to manifests for {platforms}, and to an attestation.")


def two_tags() -> Picture:
    """Two tags for one platform: config and layers of each; what they share is drawn once."""
    images = [_for_platform(_embedded(f"workshop/web:{tag}"), "linux/amd64") for tag in TAGS]
    digests = [{child.digest for child in image.top.children} for image in images]
    shared = set.intersection(*digests)
    sketch = Sketch(ranksep="1.1", nodesep=".12")
    nodes: dict[str, str] = {}
    for image in images:
        lines = [image.name, f"manifest {size(image.top.size)}"]
        manifest = sketch.node("manifest", lines, wide=18)
        for child in image.top.children:
            kind = "shared" if child.digest in shared else child.kind
            if child.digest not in nodes:
                lines = [f"{child.kind}  {size(child.size)}", short(child.digest)]
                nodes[child.digest] = sketch.node(kind, lines, wide=20)
            line = {"color": "#bc4c00", "penwidth": "1.5"} if kind == "shared" else {}
            sketch.edge(manifest, nodes[child.digest], **line)
    return sketch.picture(
        f"{TAGS[0]} and {TAGS[1]} of workshop/web share {len(shared)} of 3 layers; "
        "config and last layer differ."
    )


def _embedded(name: str) -> Image:
    layout = embedded_images()
    return open_images([f"oci:{layout.path}:docker.io/{name}"])[0]._replace(origin="")


def _for_platform(image: Image, platform: str) -> Image:
    top = next(found for found in image.top.each() if found.platform == platform)
    return image._replace(top=top)


def storage() -> Picture:
    """What a registry keeps for one tag of an image for one platform."""
    top = _for_platform(_embedded("workshop/web:1.0"), "linux/amd64").top
    with tempfile.TemporaryDirectory() as directory, contextlib.chdir(directory):
        tags = {"1.0": top.descriptor}
        write_storage(embedded_images(), "workshop/web", tags, Path("storage"))
        return storage_tree("storage")


def overlay() -> Picture:
    """Two layers of an image and a container's own, as overlayfs shows them."""
    names = {"layer-1": ("bin", "etc"), "layer-2": ("app",), "upper": ("log",)}
    with tempfile.TemporaryDirectory() as directory, contextlib.chdir(directory):
        for layer, inside in names.items():
            for name in inside:
                os.makedirs(f"{layer}/{name}")
        return overlay_layers(["layer-2", "layer-1"], "upper", "/")


def token_way() -> Picture:
    """How a client gets a token: challenge, token service, registry again."""
    sketch = Sketch(ranksep="2.6", nodesep=".5")
    client = sketch.node("process", ["client"], wide=14, height="2.2")
    registry = sketch.node("manifest", ["registry"], wide=18)
    service = sketch.node("index", ["token service"], wide=18)
    sketch.edge(client, registry, "1  GET manifest", tailport="_", headport="nw")
    sketch.edge(client, registry, "2  401, ask there", dir="back", tailport="_", headport="w")
    sketch.edge(client, service, "3  login, scope", tailport="_", headport="w")
    sketch.edge(client, service, "4  token", dir="back", tailport="_", headport="sw")
    return sketch.picture("A client asks, is told whom to ask, gets a token, and asks again.")


def kubernetes() -> Picture:
    """Kubernetes' interfaces, and the numbered steps below them."""
    sketch = Sketch(ranksep=".55", nodesep=".7")
    kubelet = sketch.node("reference", ["kubelet", "on every node"])
    engine = sketch.node("manifest", ["containerd", "CRI-O"], wide=13)
    storage_driver = sketch.node("quiet", ["storage driver", "a volume"], wide=17)
    pull = sketch.node("manifest", ["pull, unpack", "steps 3, 4, 5"], wide=17)
    runtime = sketch.node("process", ["runc, minirunc", "steps 1, 2"], wide=17)
    network = sketch.node("quiet", ["network plugin", "an address"], wide=17)
    sketch.edge(kubelet, engine, "CRI", penwidth="1.6")
    sketch.edge(engine, pull, "image, distribution")
    sketch.edge(engine, runtime, "runtime-spec")
    beside = {"headlabel": "CNI", "labeldistance": "4.2", "labelangle": "18"}
    sketch.edge(engine, network, penwidth="1.6", **beside)
    sketch.edge(kubelet, storage_driver, "CSI", penwidth="1.6")
    return sketch.picture(
        "kubelet asks containerd through CRI and a storage driver through CSI; containerd "
        "pulls and unpacks images, starts runc by the runtime-spec, and network plugins by CNI."
    )


def chroot_door() -> Picture:
    """Why chroot does not hold: the working directory stays outside the new root."""
    sketch = Sketch(rankdir="TB", ranksep=".4", nodesep=".5")
    host = sketch.node("reference", ["/", "the machine"], wide=16)
    jail = sketch.node("manifest", ["/tmp/jail/root", "first root"], wide=20)
    door = sketch.node("warning", ["/tmp/jail/root/door", "second root"], wide=20)
    etc = sketch.node("quiet", ["/etc", "passwd …"], wide=16)
    sketch.edge(jail, door)
    sketch.edge(host, jail, "  cd ..", dir="back", color="#cf222e", penwidth="1.8")
    sketch.edge(host, jail)
    sketch.edge(host, etc)
    return sketch.picture("The second root is below the working directory; cd .. leads to the top.")

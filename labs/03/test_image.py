"""The checks of lab 03: what an image is, from its digests to its root filesystem."""

import copy
import hashlib
import io
import json
import os
import stat
import tracemalloc
from pathlib import Path

from minicontainer.lib.default_config import DEFAULT_PATH
from minicontainer.step03_image.digest import digest_of
from minicontainer.errors import DigestMismatch, ImageError, SizeMismatch
from minicontainer.step03_image.layers import apply_layer, chain_ids
from minicontainer.step03_image.layout import Layout, read_blob
from minicontainer.step03_image.manifest import NoMatchingPlatform, choose_manifest, resolve
from minicontainer.step03_image.tree import RootFilesystem, safe_path
from minicontainer.step03_image.runtime_config import to_runtime_config
from minicontainer.step03_image.unpack import unpack
from minicontainer.workshop.grading.checks import Raised, Raises, check, expect, outcome
from minicontainer.workshop.samples.small_images import (
    INDEX,
    MANIFEST,
    Sample,
    directory,
    file,
    hardlink,
    sha256,
    symlink,
    tar,
)

# ---------------------------------------------------------------- digest_of

DIGESTS = (
    'image-spec, descriptor.md, "Digests": a digest is the algorithm, a colon, and the hash of'
    " the content, byte for byte, in lower-case hexadecimal"
)


@check("digest_of", points=1, rule=DIGESTS)
def test_digest_names_algorithm_and_hash():
    """a digest names the algorithm and the hash"""
    content = b"hello, image\n"
    found = outcome(digest_of, content)
    digits = hashlib.sha256(content).hexdigest()
    expect(
        found,
        f"sha256:{digits}",
        story=f"digest_of({content!r}) was called",
        mistakes={"algorithm-forgotten": found == digits},
    )


@check("digest_of", points=1, rule=DIGESTS)
def test_digest_of_json_is_of_its_bytes():
    """every space in a JSON document counts"""
    content = b'{\n  "schemaVersion": 2,\n  "layers": []\n}\n'
    document = json.loads(content)
    rewritten = [
        json.dumps(document, separators=separators, sort_keys=order, indent=indent).encode()
        for separators in (None, (",", ":"))
        for order in (False, True)
        for indent in (None, 1, 2, 4)
    ]
    found = outcome(digest_of, content)
    expect(
        found,
        sha256(content),
        story=f"digest_of({content!r}) was called",
        mistakes={"json-written-again": found in map(sha256, rewritten)},
    )


# ---------------------------------------------------------------- read_blob

VERIFICATION = (
    'image-spec, descriptor.md, "Verification": whoever fetches content compares its size with the'
    " descriptor's, and then its digest; the size first, since hashing too much is wasted work"
)
BLOB = "application/octet-stream"


@check("read_blob", points=1, rule=VERIFICATION)
def test_read_blob_gives_the_content(tmp_path):
    """a blob that is what its descriptor says is returned"""
    sample = Sample(tmp_path / "layout")
    descriptor = sample.blob(b"some content", BLOB)
    found = outcome(read_blob, Layout(sample.path), descriptor)
    expect(found, b"some content", story="a blob that is all right was read")


@check("read_blob", points=1, rule=VERIFICATION)
def test_read_blob_compares_the_digest(tmp_path):
    """one changed byte is noticed"""
    sample = Sample(tmp_path / "layout")
    descriptor = sample.blob(b"pay Alice 100", BLOB)
    sample.file(descriptor["digest"]).write_bytes(b"pay Alice 900")
    found = outcome(read_blob, Layout(sample.path), descriptor)
    expect(
        found,
        Raises(DigestMismatch),
        story="a blob of which one byte was changed afterwards was read",
        mistakes={"digest-unchecked": found == b"pay Alice 900"},
    )


@check("read_blob", points=2, rule=VERIFICATION)
def test_read_blob_compares_the_size_first(tmp_path):
    """the size is compared, and before the digest"""
    sample = Sample(tmp_path / "layout")
    longer = {**sample.blob(b"complete", BLOB), "size": 7}
    found = outcome(read_blob, Layout(sample.path), longer)
    expect(
        found,
        Raises(SizeMismatch),
        story="the digest is right, but the descriptor says 7 bytes and there are 8",
        mistakes={"size-unchecked": found == b"complete"},
    )
    descriptor = sample.blob(b"short", BLOB)
    sample.file(descriptor["digest"]).write_bytes(b"very much longer")
    found = outcome(read_blob, Layout(sample.path), descriptor)
    expect(
        found,
        Raises(SizeMismatch),
        story="the descriptor says 5 bytes, the file of the blob has 16 (and another digest)",
        mistakes={"size-after-digest": found == Raises(DigestMismatch)},
    )


@check("read_blob", points=1, rule=VERIFICATION)
def test_read_blob_reads_nothing_of_a_wrong_size(tmp_path):
    """a file of another size is not even read"""
    sample = Sample(tmp_path / "layout")
    descriptor = sample.blob(b"short", BLOB)
    with sample.file(descriptor["digest"]).open("r+b") as blob:
        blob.truncate(64 << 20)
    tracemalloc.start()
    found = outcome(read_blob, Layout(sample.path), descriptor)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    story = "the descriptor says 5 bytes, and there are 64 MiB"
    expect(found, Raises(SizeMismatch), story=story)
    expect(
        most < 8 << 20,
        True,
        story=f"{story}; the memory that is used is measured",
        shown="none of the 64 MiB is in memory",
        mistakes={"read-before-size": True},
    )


@check("read_blob", points=1, rule=VERIFICATION)
def test_read_blob_has_a_limit(tmp_path):
    """more than LARGEST_DOCUMENT bytes are refused"""
    sample = Sample(tmp_path / "layout")
    largest = sample.blob(bytes(4 << 20), BLOB)
    found = outcome(read_blob, Layout(sample.path), largest)
    story = "size and digest are right, and it is 4 MiB long, which is LARGEST_DOCUMENT"
    expect(found == bytes(4 << 20) or found, True, story=story, shown="the content is returned")
    larger = sample.blob(bytes((4 << 20) + 1), BLOB)
    found = outcome(read_blob, Layout(sample.path), larger)
    expect(
        found,
        Raises(ImageError),
        story="size and digest are right, but it is one byte longer than LARGEST_DOCUMENT",
        mistakes={"any-size-taken": isinstance(found, bytes)},
    )


# ---------------------------------------------------------------- choose_manifest

PLATFORM = (
    'image-spec, image-index.md, "platform": an entry says which operating system, architecture'
    " and variant it is for; a client takes the one that its machine can run"
)
AMD64 = {"os": "linux", "architecture": "amd64"}
ARM64 = {"os": "linux", "architecture": "arm64"}
NOBODY = {"os": "unknown", "architecture": "unknown"}


def entry(name, platform=None, media_type=MANIFEST):
    """A descriptor as it stands in an index; `name` tells them apart."""
    descriptor = {"mediaType": media_type, "digest": sha256(name.encode()), "size": 500}
    return {**descriptor, "platform": platform} if platform else descriptor


def index_of(*entries):
    return {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(entries)}


def named(index):
    """How an index is told in a story: its platforms in order."""
    platforms = [one.get("platform", {}) for one in index["manifests"]]
    texts = ["/".join(p.values()) if p else "one without a platform" for p in platforms]
    return f"an index with {', '.join(texts)}"


@check("choose_manifest", points=2, rule=PLATFORM)
def test_choose_by_platform():
    """the entry for this machine is taken, wherever it stands"""
    index = index_of(
        entry("arm", ARM64), entry("amd", AMD64), entry("windows", {**AMD64, "os": "windows"})
    )
    for wanted, place in ((AMD64, 1), (ARM64, 0)):
        found = outcome(choose_manifest, index, wanted)
        expect(
            found,
            index["manifests"][place],
            story=f"{named(index)}; wanted is linux/{wanted['architecture']}",
            mistakes={
                "first-manifest": found == index["manifests"][0],
                "os-ignored": found == index["manifests"][2],
            },
        )


@check("choose_manifest", points=1, rule=PLATFORM)
def test_attestations_are_no_images():
    """an attestation (unknown/unknown) is never taken"""
    index = index_of(entry("attestation", NOBODY), entry("amd", AMD64))
    found = outcome(choose_manifest, index, AMD64)
    mistakes = {"attestation-picked": lambda: found == index["manifests"][0]}
    expect(
        found,
        index["manifests"][1],
        story=f"{named(index)}; wanted is linux/amd64",
        mistakes=mistakes,
    )
    found = outcome(choose_manifest, index, ARM64)
    expect(
        found,
        Raises(NoMatchingPlatform),
        story=f"{named(index)}; wanted is linux/arm64",
        mistakes={**mistakes, "something-else-taken": found == index["manifests"][1]},
    )


@check("choose_manifest", points=2, rule=PLATFORM)
def test_variants():
    """the variant counts: an ARMv6 machine can't run v7"""
    v6, v7 = ({"os": "linux", "architecture": "arm", "variant": v} for v in ("v6", "v7"))
    index = index_of(entry("v7", v7), entry("v6", v6))
    found = outcome(choose_manifest, index, v6)
    mistakes = {"variant-ignored": found == index["manifests"][0]}
    expect(
        found,
        index["manifests"][1],
        story=f"{named(index)}; wanted is linux/arm/v6",
        mistakes=mistakes,
    )
    index = index_of(entry("v6", v6), entry("amd", AMD64))
    found = outcome(choose_manifest, index, v7)
    expect(
        found,
        index["manifests"][0],
        story=f"{named(index)}; wanted is linux/arm/v7, which runs v6 too",
    )


@check("choose_manifest", points=1, rule=PLATFORM)
def test_entry_without_platform():
    """ "platform" is optional: an entry without it is the last resort"""
    index = index_of(entry("plain"), entry("arm", ARM64))
    found = outcome(choose_manifest, index, ARM64)
    expect(found, index["manifests"][1], story=f"{named(index)}; wanted is linux/arm64")
    found = outcome(choose_manifest, index, AMD64)
    expect(found, index["manifests"][0], story=f"{named(index)}; wanted is linux/amd64")
    nested = index_of(entry("arm", ARM64), entry("inner", media_type=INDEX))
    found = outcome(choose_manifest, nested, AMD64)
    expect(
        found,
        nested["manifests"][1],
        story=f"{named(nested)}, which is an index again; wanted is linux/amd64",
        mistakes={"manifests-alone-known": isinstance(found, Raised)},
    )


@check("choose_manifest", points=1, rule=PLATFORM)
def test_unknown_types_are_ignored():
    """an entry of an unknown type is no image"""
    other = entry("other", AMD64, "application/vnd.example.picture")
    index = index_of(other, entry("amd", AMD64))
    found = outcome(choose_manifest, index, AMD64)
    expect(
        found,
        index["manifests"][1],
        story="two entries for linux/amd64; the first one's mediaType is vnd.example.picture",
        mistakes={"unknown-type-taken": found == other},
    )


# ---------------------------------------------------------------- resolve

NESTED = (
    'image-spec, image-index.md, "manifests": an entry may point to an image manifest or again to'
    " an image index; readers have to handle both"
)


@check("resolve", points=1, rule=NESTED)
def test_resolve_leaves_a_manifest_alone(tmp_path):
    """a manifest leads to itself, also one of Docker's type"""
    sample = Sample(tmp_path / "layout")
    docker = "application/vnd.docker.distribution.manifest.v2+json"
    for media_type in (MANIFEST, docker):
        manifest = sample.document({"layers": []}, media_type)
        found = outcome(resolve, Layout(sample.path), manifest, AMD64)
        expect(
            found,
            manifest,
            story=f"the descriptor is of a manifest: {media_type}",
            mistakes={"docker-types-forgotten": media_type == docker},
        )


@check("resolve", points=2, rule=NESTED)
def test_resolve_follows_nested_indexes(tmp_path):
    """an index may lead to another index"""
    sample = Sample(tmp_path / "layout")
    manifest = sample.image([tar(file("a"))], platform=AMD64)
    inner = sample.index([entry("other", ARM64), manifest])
    for depth in (1, 2):
        found = outcome(resolve, Layout(sample.path), inner, AMD64)
        levels = "an index that lists" if depth == 1 else "an index of an index that lists"
        expect(
            found,
            manifest,
            story=f"{levels} a manifest for linux/amd64",
            mistakes={"one-level-only": isinstance(found, dict) and found["mediaType"] == INDEX},
        )
        inner = sample.index([inner])


@check("resolve", points=1, rule=NESTED)
def test_resolve_does_not_go_on_for_ever(tmp_path):
    """DEEPEST_NESTING indexes are followed, a longer chain is refused"""
    sample = Sample(tmp_path / "layout")
    top = manifest = sample.image([tar(file("a"))], platform=AMD64)
    for _ in range(8):
        top = sample.index([top])
    found = outcome(resolve, Layout(sample.path), top, AMD64)
    expect(
        found,
        manifest,
        story="8 indexes (DEEPEST_NESTING), each leading to the next, and then a manifest",
        mistakes={"nesting-too-short": found == Raises(ImageError)},
    )
    for depth in (9, 30):
        for _ in range(1 if depth == 9 else 21):
            top = sample.index([top])
        found = outcome(resolve, Layout(sample.path), top, AMD64)
        expect(
            found,
            Raises(ImageError),
            story=f"{depth} indexes, each leading to the next, and then a manifest",
            mistakes={"nesting-unlimited": found == manifest},
        )


@check("resolve", points=1, rule=NESTED)
def test_resolve_refuses_what_is_no_image(tmp_path):
    """a descriptor of something else is refused"""
    sample = Sample(tmp_path / "layout")
    other = sample.blob(b"{}", "application/vnd.oci.image.config.v1+json")
    found = outcome(resolve, Layout(sample.path), other, AMD64)
    expect(found, Raises(ImageError), story="the descriptor is of a config, not of an image")
    index = {"schemaVersion": 2, "manifests": [sample.image([tar(file("a"))], platform=AMD64)]}
    other = sample.blob(json.dumps(index).encode(), "application/vnd.example.picture")
    found = outcome(resolve, Layout(sample.path), other, AMD64)
    expect(
        found,
        Raises(ImageError),
        story="the descriptor's mediaType is vnd.example.picture; what it names could be read as an"
        " index, but it does not say that it is one",
        mistakes={"media-type-unasked": isinstance(found, dict)},
    )


# ---------------------------------------------------------------- chain_ids

CHAIN = (
    'image-spec, config.md, "Layer ChainID": the lowest layer\'s ChainID is its DiffID; each other'
    " one's is the digest of the ChainID below, a space, and the layer's DiffID"
)
DIFFS = [sha256(name) for name in (b"one", b"two", b"three")]


@check("chain_ids", points=1, rule=CHAIN)
def test_lowest_chain_id_is_the_diff_id():
    """the lowest layer's ChainID is its DiffID"""
    found = outcome(chain_ids, DIFFS[:1])
    expect(
        found,
        DIFFS[:1],
        story="chain_ids was called with the DiffID of one layer",
        mistakes={"lowest-hashed-too": isinstance(found, list) and found != DIFFS[:1]},
    )
    expect(outcome(chain_ids, []), [], story="chain_ids([]) was called")


@check("chain_ids", points=2, rule=CHAIN)
def test_chain_ids_depend_on_all_below():
    """each ChainID depends on everything below"""
    second = sha256(f"{DIFFS[0]} {DIFFS[1]}".encode())
    third = sha256(f"{second} {DIFFS[2]}".encode())
    found = outcome(chain_ids, DIFFS)
    neighbours = sha256(f"{DIFFS[1]} {DIFFS[2]}".encode())
    expect(
        found,
        [DIFFS[0], second, third],
        story="chain_ids was called with the DiffIDs of three layers",
        mistakes={
            "diff-id-below": isinstance(found, list) and neighbours in found,
            "lowest-hashed-too": isinstance(found, list) and found[:1] != DIFFS[:1],
        },
    )


# ---------------------------------------------------------------- safe_path

INSIDE = (
    'path_resolution(7), and image-spec, layer.md, "Applying Changesets": a path of the container is'
    " resolved with the root filesystem for the root, so that nothing leads out of it"
)


def resolved(links, name):
    """safe_path on a root filesystem that holds nothing but these symbolic links."""
    places = {tuple(place.split("/")): target for place, target in links.items()}
    return outcome(safe_path, places.get, name)


def links_told(links, name):
    told = ", ".join(f"{place} -> {target}" for place, target in links.items()) or "no links"
    return f"the root filesystem has {told}; safe_path was asked for {name!r}"


@check("safe_path", points=1, rule=INSIDE)
def test_path_without_links():
    """a plain path is taken apart"""
    for name, place in (("etc/motd", ("etc", "motd")), ("/a//b/./c", ("a", "b", "c")), (".", ())):
        expect(resolved({}, name), place, story=links_told({}, name))


@check("safe_path", points=1, rule=INSIDE)
def test_dotdot_stops_at_the_root():
    """ ".." at the root stays at the root"""
    for name in ("../etc/passwd", "a/../../../etc/passwd"):
        found = resolved({}, name)
        mistakes = {"dotdot-leaves": isinstance(found, tuple) and ".." in found}
        expect(found, ("etc", "passwd"), story=links_told({}, name), mistakes=mistakes)


@check("safe_path", points=2, rule=INSIDE)
def test_links_are_followed_inside():
    """an absolute link starts at the root filesystem, a relative one at its directory"""
    links = {"bin": "/usr/bin", "usr/lib/x": "y/z", "usr/lib/y": "../share"}
    found = resolved(links, "bin/sh")
    mistakes = {
        "links-not-followed": found == ("bin", "sh"),
        "absolute-link-leaves": isinstance(found, tuple) and "" in found,
    }
    expect(found, ("usr", "bin", "sh"), story=links_told(links, "bin/sh"), mistakes=mistakes)
    links |= {"usr/local/conf": "/etc"}
    found = resolved(links, "usr/local/conf/x")
    mistakes = {"absolute-from-here": found == ("usr", "local", "etc", "x")}
    expect(found, ("etc", "x"), story=links_told(links, "usr/local/conf/x"), mistakes=mistakes)
    found = resolved(links, "usr/lib/x/f")
    mistakes = {"relative-from-root": found == ("y", "z", "f")}
    expect(
        found, ("usr", "share", "z", "f"), story=links_told(links, "usr/lib/x/f"), mistakes=mistakes
    )


@check("safe_path", points=1, rule=INSIDE)
def test_links_come_before_dotdot():
    """ ".." goes up from where the link led"""
    links = {"lib": "usr/lib"}
    found = resolved(links, "lib/../bin")
    mistakes = {"dotdot-before-links": found == ("bin",)}
    expect(found, ("usr", "bin"), story=links_told(links, "lib/../bin"), mistakes=mistakes)


@check("safe_path", points=1, rule=INSIDE, seconds=1)
def test_link_loops_end():
    """links that go in a circle are refused"""
    links = {"a": "b", "b": "a"}
    found = resolved(links, "a/x")
    mistakes = {"link-loop": found == Raises(RecursionError)}
    expect(found, Raises(ImageError), story=links_told(links, "a/x"), mistakes=mistakes)


@check("safe_path", points=1, rule=INSIDE)
def test_links_are_counted():
    """MOST_LINKS links are followed, one more is refused"""
    links = {f"l{number}": f"l{number + 1}" for number in range(40)}
    found = resolved(links, "l0")
    story = "40 links (MOST_LINKS), each leading to the next: l0 -> l1, … l39 -> l40"
    mistakes = {"few-links": found == Raises(ImageError)}
    expect(found, ("l40",), story=story, mistakes=mistakes)
    found = resolved({**links, "l40": "end"}, "l0")
    expect(found, Raises(ImageError), story=f"{story}, and one more: l40 -> end")


# ---------------------------------------------------------------- apply_layer

WHITEOUTS = (
    'image-spec, layer.md, "Whiteouts": a name that begins with .wh. removes what lower layers have'
    " under the rest of the name; it acts on lower layers only, and is never itself in the result"
)
OPAQUE = (
    'image-spec, layer.md, "Opaque Whiteout": .wh..wh..opq hides everything that lower layers have in'
    " its directory, and nothing of its own layer, wherever in the layer it stands"
)
CHANGES = (
    'image-spec, layer.md, "Applying Changesets": entries are added or take the place of what is'
    " there, with mode, owner, times and links as the archive says"
)


APPLIED = "the layers are applied"


def applied(root, *layers):
    """Apply the layers to the new directory `root`; APPLIED, or what was raised."""

    def apply_all():
        root.mkdir()
        with RootFilesystem(root) as filesystem:
            for layer in layers:
                apply_layer(io.BytesIO(layer), filesystem)
        return APPLIED

    return outcome(apply_all)


def tree(root):
    """What is in the directory: {name: content of a file, or what else it is}."""
    listed = {}
    for path in sorted(Path(root).rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            listed[name] = f"-> {os.readlink(path)}"
        else:
            listed[name] = "a directory" if path.is_dir() else path.read_text()
    return listed


LOWER = tar(directory("etc"), file("etc/motd", "hello"), file("etc/hosts", "localhost"))
LEFT = {"etc": "a directory", "etc/hosts": "localhost"}


@check("apply_layer", points=2, rule=CHANGES)
def test_layer_adds_and_replaces(tmp_path):
    """a layer adds files and replaces what has their names"""
    root = tmp_path / "root"
    upper = tar(
        directory("etc"), file("etc/motd", "new"), file("srv/x/y", "deep"), symlink("etc/l", "motd")
    )
    expect(applied(root, LOWER, upper), APPLIED, story="two ordinary layers were applied")
    expected = {**LEFT, "etc/motd": "new", "etc/l": "-> motd"}
    expected |= {"srv": "a directory", "srv/x": "a directory", "srv/x/y": "deep"}
    story = (
        "a layer with etc/motd, srv/x/y and a link was applied over one with etc/motd, etc/hosts"
    )
    expect(tree(root), expected, story=story)


@check("apply_layer", points=2, rule=WHITEOUTS)
def test_whiteout_removes_lower_files(tmp_path):
    """a whiteout removes what lower layers put there"""
    root = tmp_path / "root"
    expect(
        applied(root, LOWER, tar(file("etc/.wh.motd"))),
        APPLIED,
        story="a layer with etc/.wh.motd was applied",
    )
    found = tree(root)
    mistakes = {"whiteout-left": "etc/.wh.motd" in found, "whiteout-skipped": "etc/motd" in found}
    story = "a layer holding etc/.wh.motd was applied over one holding etc/motd and etc/hosts"
    expect(found, LEFT, story=story, mistakes=mistakes)


@check("apply_layer", points=2, rule=WHITEOUTS)
def test_whiteout_spares_its_own_layer(tmp_path):
    """a whiteout hides nothing of its own layer"""
    for number, first in enumerate((True, False)):
        root = tmp_path / f"root{number}"
        pair = [file("etc/.wh.motd"), file("etc/motd", "mine")]
        came = applied(root, LOWER, tar(*(pair if first else reversed(pair))))
        order = "before" if first else "after"
        story = f"one layer holds etc/motd and etc/.wh.motd, the whiteout {order} the file"
        expect(came, APPLIED, story=story)
        found = tree(root)
        mistakes = {
            "whiteout-left": "etc/.wh.motd" in found,
            "whiteout-hides-own-layer": not first and "etc/motd" not in found,
        }
        expect(found, {**LEFT, "etc/motd": "mine"}, story=story, mistakes=mistakes)


@check("apply_layer", points=3, rule=OPAQUE)
def test_opaque_directory(tmp_path):
    """an opaque directory hides all that lies below it, in any order"""
    for number, first in enumerate((True, False)):
        root = tmp_path / f"root{number}"
        pair = [file("etc/.wh..wh..opq"), file("etc/new", "mine")]
        came = applied(root, LOWER, tar(directory("etc"), *(pair if first else reversed(pair))))
        order = "before" if first else "after"
        story = (
            f"a layer with etc/.wh..wh..opq {order} etc/new was applied over etc/motd, etc/hosts"
        )
        expect(came, APPLIED, story=story)
        found = tree(root)
        mistakes = {
            "whiteout-left": any(".wh." in name for name in found),
            "opaque-ignored": "etc/motd" in found,
            "opaque-in-order": not first and "etc/new" not in found,
        }
        expect(found, {"etc": "a directory", "etc/new": "mine"}, story=story, mistakes=mistakes)


@check("apply_layer", points=1, rule=WHITEOUTS)
def test_odd_whiteouts_are_refused(tmp_path):
    """a whiteout of nothing, of "." or of ".." is refused"""
    for number, name in enumerate((".wh.", ".wh..", ".wh...")):
        found = applied(tmp_path / f"root{number}", LOWER, tar(file(f"etc/{name}")))
        mistakes = {"whiteout-of-parent": found == APPLIED}
        expect(found, Raises(ImageError), story=f"a layer holds etc/{name}", mistakes=mistakes)


@check("apply_layer", points=1, rule=CHANGES)
def test_legal_links(tmp_path):
    """absolute links and hard links are legal"""
    root = tmp_path / "root"
    layer = tar(
        file("usr/bin/sh", "#!"), symlink("bin", "/usr/bin"), hardlink("usr/bin/ash", "usr/bin/sh")
    )
    story = "a layer holds bin -> /usr/bin, and a hard link usr/bin/ash to usr/bin/sh"
    expect(applied(root, layer), APPLIED, story=story)
    expected = {"bin": "-> /usr/bin", "usr": "a directory", "usr/bin": "a directory"}
    expected |= {"usr/bin/ash": "#!", "usr/bin/sh": "#!"}
    expect(tree(root), expected, story=story)


@check("apply_layer", points=1, rule=CHANGES)
def test_setuid_survives(tmp_path):
    """the mode is kept, the setuid bit included"""
    root = tmp_path / "root"
    story = "a layer holds usr/bin/passwd with mode 4755"
    expect(applied(root, tar(file("usr/bin/passwd", "x", mode=0o4755))), APPLIED, story=story)
    found = oct(stat.S_IMODE((root / "usr/bin/passwd").stat().st_mode))
    expect(found, "0o4755", story=story, mistakes={"tarfile-tar": found == "0o755"})


@check("apply_layer", points=2, rule=INSIDE)
def test_nothing_leaves_the_root(tmp_path):
    """a link does not lead a file out of the root filesystem"""
    outside = tmp_path / "outside"
    outside.mkdir()
    layer = tar(symlink("out", str(outside)), file("out/evil", "gotcha"))
    applied(tmp_path / "root", layer)
    found = sorted(os.listdir(outside))
    expect(
        found,
        [],
        story="a layer holds a link out -> (a directory of this machine), and then a file out/evil",
        mistakes={"link-followed-outside": found == ["evil"]},
        shown="nothing is written to that directory of this machine",
    )


@check("apply_layer", points=1, rule=WHITEOUTS)
def test_notes_of_aufs_mean_nothing(tmp_path):
    """other names that begin with .wh..wh. mean nothing"""
    root = tmp_path / "root"
    expect(applied(root, LOWER), APPLIED, story="an ordinary layer was applied")
    (root / "etc/.wh.note").write_text("from elsewhere")

    def apply_note():
        with RootFilesystem(root) as filesystem:
            apply_layer(io.BytesIO(tar(file("etc/.wh..wh.note"))), filesystem)
        return tree(root)

    found = outcome(apply_note)
    expect(
        found,
        {**LEFT, "etc/motd": "hello", "etc/.wh.note": "from elsewhere"},
        story="a layer holds etc/.wh..wh.note; a file etc/.wh.note is there from elsewhere",
        mistakes={"note-taken-for-whiteout": True},
    )


# ---------------------------------------------------------------- unpack

ROOTFS = (
    'image-spec, manifest.md, "layers", and config.md, "rootfs": the layers are applied from the first'
    " to the last; diff_ids are the digests of the uncompressed layers, in the same order"
)
VERSIONS = [tar(file("version", text), file(f"from-{text}", text)) for text in ("one", "two")]


def unpacked(sample, manifest, root):
    return outcome(unpack, Layout(sample.path), manifest, root)


@check("unpack", points=2, rule=ROOTFS)
def test_unpack_applies_layers_in_order(tmp_path):
    """the layers are applied from the first to the last"""
    sample = Sample(tmp_path / "layout")
    found = unpacked(sample, sample.image(VERSIONS, {"Env": ["A=1"]}), tmp_path / "root")
    story = "an image of two layers, both with a file version: first “one”, then “two”"
    mistakes = {"diff-id-against-manifest": found == Raises(DigestMismatch)}
    expect(
        getattr(found, "get", lambda _: found)("config"),
        {"Env": ["A=1"]},
        story=story,
        mistakes=mistakes,
    )
    found = tree(tmp_path / "root")
    expected = {"version": "two", "from-one": "one", "from-two": "two"}
    mistakes = {"layers-reversed": found.get("version") == "one", "diff-id-too-early": not found}
    expect(found, expected, story=story, mistakes=mistakes)


@check("unpack", points=1, rule=ROOTFS)
def test_unpack_applies_a_layer_twice(tmp_path):
    """a layer that is listed twice is applied twice"""
    sample = Sample(tmp_path / "layout")
    image = sample.image([VERSIONS[0], VERSIONS[1], VERSIONS[0]])
    story = "an image of three layers: the first is listed again as the third"
    expect(unpacked(sample, image, tmp_path / "root") == Raises(Exception), False, story=story)
    found = tree(tmp_path / "root").get("version")
    expect(found, "one", story=story, mistakes={"layers-as-set": found == "two"})


@check("unpack", points=2, rule=ROOTFS)
def test_unpack_compares_diff_ids(tmp_path):
    """the uncompressed layer is compared with its diff_id"""
    sample = Sample(tmp_path / "layout")
    manifest = sample.image(VERSIONS[:1])
    content = json.loads(sample.file(manifest["digest"]).read_text())
    config = json.loads(sample.file(content["config"]["digest"]).read_text())
    config["rootfs"]["diff_ids"] = [sha256(b"another layer")]
    content["config"] = sample.blob(json.dumps(config).encode(), content["config"]["mediaType"])
    changed = sample.document(content, MANIFEST)
    found = unpacked(sample, changed, tmp_path / "root")
    mistakes = {"diff-id-unchecked": isinstance(found, dict)}
    story = "the layer's blob is right, but its uncompressed content is not what the config says"
    expect(found, Raises(DigestMismatch), story=story, mistakes=mistakes)
    left = (tmp_path / "root").exists()
    expect(left, False, story=f"{story}; then unpack failed", mistakes={"half-left-behind": left})


@check("unpack", points=1, rule=ROOTFS)
def test_unpack_wants_a_diff_id_for_each_layer(tmp_path):
    """an image with more layers than diff_ids, or fewer, is refused"""
    for more, story in ((0, "two layers, and one diff_id"), (2, "two layers, and three diff_ids")):
        sample = Sample(tmp_path / f"layout{more}")
        manifest = sample.image(VERSIONS)
        content = json.loads(sample.file(manifest["digest"]).read_text())
        config = json.loads(sample.file(content["config"]["digest"]).read_text())
        ids = config["rootfs"]["diff_ids"]
        config["rootfs"]["diff_ids"] = (ids * 2)[: 1 + more]
        content["config"] = sample.blob(json.dumps(config).encode(), content["config"]["mediaType"])
        changed = sample.document(content, MANIFEST)
        found = unpacked(sample, changed, tmp_path / f"root{more}")
        mistakes = {"unpaired-diff-ids": True}
        expect(found, Raises(ImageError), story=f"an image with {story}", mistakes=mistakes)


@check("unpack", points=1, rule=VERIFICATION)
def test_unpack_compares_blobs(tmp_path):
    """a layer's blob that was changed is noticed, and nothing is left"""
    sample = Sample(tmp_path / "layout")
    manifest = sample.image(VERSIONS)
    content = json.loads(sample.file(manifest["digest"]).read_text())
    first, second = (sample.file(layer["digest"]) for layer in content["layers"])
    second.write_bytes(first.read_bytes())
    story = "the second layer's file holds another layer"
    found = unpacked(sample, manifest, tmp_path / "root")
    expect(
        found,
        Raises(ImageError),
        story=story,
        mistakes={"diff-id-unchecked": isinstance(found, dict)},
    )
    left = (tmp_path / "root").exists()
    expect(left, False, story=f"{story}; then unpack failed", mistakes={"half-left-behind": left})


# ---------------------------------------------------------------- to_runtime_config

CONVERSION = (
    "image-spec, conversion.md: args are Entrypoint and then Cmd, and what the user gives stands in for"
    " Cmd; env is Env with the runtime's defaults added; cwd is WorkingDir; user comes from User"
)
BASE = {
    "ociVersion": "1.2.0",
    "process": {"env": ["PATH=/base", "TERM=xterm"], "cwd": "/", "args": ["sh"], "terminal": False},
    "root": {"path": "rootfs"},
    "hostname": "base",
}
IMAGE = {
    "os": "linux",
    "architecture": "amd64",
    "rootfs": {"type": "layers", "diff_ids": []},
    "config": {
        "Entrypoint": ["/bin/server"],
        "Cmd": ["--port", "80"],
        "Env": ["PATH=/image", "LANG=C"],
        "WorkingDir": "/srv",
        "Labels": {"maintainer": "you"},
    },
}


def converted(tmp_path, image=IMAGE, base=None, arguments=()):
    """The runtime config, and its process; both empty where something was raised."""
    base = copy.deepcopy(BASE) if base is None else base
    (tmp_path / "etc").mkdir(exist_ok=True)
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\napp:x:7:8::/app:/bin/sh\n")
    found = outcome(to_runtime_config, image, base, tmp_path, arguments)
    return found, found.get("process", {}) if isinstance(found, dict) else found


def part(process, key):
    return process.get(key) if isinstance(process, dict) else process


@check("to_runtime_config", points=2, rule=CONVERSION)
def test_program(tmp_path):
    """the program is Entrypoint, then Cmd or what the user gives"""
    full = ["/bin/server", "--port", "80"]
    found = part(converted(tmp_path)[1], "args")
    mistakes = {"entrypoint-forgotten": found == full[1:], "cmd-forgotten": found == full[:1]}
    story = "an image with Entrypoint /bin/server and Cmd --port 80"
    expect(found, full, story=story, mistakes=mistakes)
    found = part(converted(tmp_path, arguments=["--help"])[1], "args")
    mistakes = {
        "arguments-after-cmd": found == [*full, "--help"],
        "arguments-instead-of-entrypoint": found == ["--help"],
    }
    expect(
        found,
        ["/bin/server", "--help"],
        story=f"{story}, and the user gives --help",
        mistakes=mistakes,
    )


@check("to_runtime_config", points=2, rule=CONVERSION)
def test_environment(tmp_path):
    """the image's variables win over the defaults"""
    env = part(converted(tmp_path)[1], "env")
    found = dict(one.split("=", 1) for one in env) if isinstance(env, list) else env
    expected = {"PATH": "/image", "LANG": "C", "TERM": "xterm", "HOME": "/root"}
    story = "Env of the image is PATH=/image, LANG=C; the base has PATH=/base, TERM=xterm"
    mistakes = {"base-variables-win": isinstance(found, dict) and found.get("PATH") == "/base"}
    expect(found, expected, story=story, mistakes=mistakes)
    expect(sorted(env), sorted(set(env)), story=f"{story}; each variable once")
    bare = {key: value for key, value in IMAGE.items() if key != "config"}
    story = "an image that has no config, a base that has no process, and the user gives sh"
    found, process = converted(tmp_path, bare, {"root": {"path": "rootfs"}}, ["sh"])
    env = part(process, "env")
    expect(
        {"env": sorted(env) if isinstance(env, list) else env, "cwd": part(process, "cwd")},
        {"env": ["HOME=/root", f"PATH={DEFAULT_PATH}"], "cwd": "/"},
        story=story,
        mistakes={
            "no-path": isinstance(env, list) and not any(one.startswith("PATH=") for one in env),
        },
    )


@check("to_runtime_config", points=1, rule=CONVERSION)
def test_user_and_directory(tmp_path):
    """the user is looked up in the image, the working directory taken over"""
    image = {**IMAGE, "config": {**IMAGE["config"], "User": "app"}}
    found, process = converted(tmp_path, image)
    story = "User is app, which the image's /etc/passwd has as 7:8; WorkingDir is /srv"
    user = part(process, "user")
    ids = (user.get("uid"), user.get("gid")) if isinstance(user, dict) else user
    expect((part(process, "cwd"), ids), ("/srv", (7, 8)), story=story)
    base = copy.deepcopy(BASE)
    base["process"]["user"] = {"uid": 0, "gid": 0, "umask": 0o27}
    user = part(converted(tmp_path, image, base)[1], "user")
    expect(
        user.get("umask") if isinstance(user, dict) else user,
        0o27,
        story="process.user of the base has a umask too, of which the image says nothing",
        mistakes={"user-replaced": isinstance(user, dict)},
    )
    labels = part(found, "annotations")
    told = labels.get("maintainer") if isinstance(labels, dict) else labels
    expect(told, "you", story="Labels has maintainer=you, which becomes an annotation")


@check("to_runtime_config", points=1, rule=CONVERSION)
def test_annotations(tmp_path):
    """annotations: the base's, the image's facts, and Labels over both"""
    author = "org.opencontainers.image.author"
    labels = {author: "in a label", "both": "label"}
    image = {**IMAGE, "author": "in the config", "config": {**IMAGE["config"], "Labels": labels}}
    base = {**copy.deepcopy(BASE), "annotations": {"own": "of the base", "both": "base"}}
    told = part(converted(tmp_path, image, base)[0], "annotations")
    found = {key: told.get(key) for key in ("own", "both", author)} if told else told
    told = found if isinstance(found, dict) else {}
    expect(
        found,
        {"own": "of the base", "both": "label", author: "in a label"},
        story="the base has annotations own and both; Labels has both, and the author, who is"
        " another than the config's",
        mistakes={
            "annotations-replaced": told.get("own") is None,
            "labels-covered": told.get(author) == "in the config",
        },
    )


@check("to_runtime_config", points=1, rule=CONVERSION)
def test_base_is_not_changed(tmp_path):
    """the base is copied, not changed"""
    base = copy.deepcopy(BASE)
    found, _ = converted(tmp_path, base=base)
    expect(
        part(found, "hostname"), "base", story="what the image does not name stays as in the base"
    )
    expect(
        base,
        BASE,
        story="the base that was given is compared with itself before",
        mistakes={"base-changed": True},
    )


@check("to_runtime_config", points=1, rule=CONVERSION)
def test_no_program(tmp_path):
    """an image without a program needs one from the user"""
    image = {**IMAGE, "config": {}}
    found, _ = converted(tmp_path, image)
    expect(
        found,
        Raises(ImageError),
        story="an image with neither Entrypoint nor Cmd, and no arguments",
    )

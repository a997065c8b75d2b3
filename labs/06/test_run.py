"""The checks of lab 06: from an image to a process that runs, and to nothing left of it."""

import contextlib
import copy
import errno
import functools
import json
import os
import pty
import shutil
import signal
import stat
import tempfile
import time
import unittest.mock
from pathlib import Path

from minicontainer import linux
from minicontainer.step01_chroot.rootfs import build_root
from minicontainer.step02_runtime import lifecycle
from minicontainer.errors import ContainerError, MinicontainerError
from minicontainer.lib.default_config import default_config
from minicontainer.errors import ImageError
from minicontainer.step03_image.layout import Layout
from minicontainer.step03_image.manifest import host_platform, read_image
from minicontainer.step06_run import containers
from minicontainer.step06_run.bundle import (
    BadOption,
    Options,
    bind_mount,
    with_options,
)
from minicontainer.step06_run.monitor import Monitor, start_monitor
from minicontainer.step06_run.engine import clean_up, image_tree, run_container
from minicontainer.step06_run.lifetime import run_bundle
from minicontainer.step06_run.snapshot import snapshot
from minicontainer.workshop.grading import isolation
from minicontainer.workshop.grading.checks import Raised, Raises, apart, check, expect, outcome
from minicontainer.workshop.samples.small_images import (
    Sample,
    directory,
    file,
    gzipped,
    sha256,
    symlink,
    tar,
)

#: a variable of this process that no container may see
CANARY = "MINICONTAINER_CANARY"
os.environ[CANARY] = "the host's"


def until(condition, seconds=0.8):
    """Wait until `condition()` holds; whether it did in time."""
    end = time.monotonic() + isolation.patience(seconds)
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return bool(condition())


# ---------------------------------------------------------------- image_tree

SHARED = (
    'image-spec, config.md, "Layer ChainID": the chain id stands for a layer and all below it,'
    " so equal chain ids are equal trees"
)


def two_layers():
    return tar(directory("etc"), file("etc/motd", "hello\n")), tar(file("top", "1\n"))


def made_image(sample, layers, settings=None):
    """An image in `sample`: its layout, its manifest's descriptor, its config."""
    manifest = sample.image(layers, settings)
    parts = json.loads(sample.file(manifest["digest"]).read_bytes())
    config = json.loads(sample.file(parts["config"]["digest"]).read_bytes())
    return Layout(sample.path), manifest, config


def chain_of(*layers):
    below = sha256(layers[0])
    for layer in layers[1:]:
        below = sha256(f"{below} {sha256(layer)}".encode())
    return below.replace(":", "-")


@check("image_tree", points=2, rule=SHARED)
def test_image_tree_is_known_by_its_chain_id(tmp_path):
    """the tree is in trees/, under the chain id of the top layer"""
    layers = two_layers()
    layout, manifest, config = made_image(Sample(tmp_path / "store"), layers)
    found = outcome(image_tree, layout, manifest, config)
    name = os.path.basename(str(found))
    expect(
        str(found),
        f"{layout.path}/trees/{chain_of(*layers)}",
        story="image_tree was called for an image of two layers",
        mistakes={
            "keyed-by-the-manifest": manifest["digest"][7:] in name,
            "top-layer-only": sha256(layers[1])[7:] in name,
            "bottom-layer": sha256(layers[0])[7:] in name,
            "colon-in-the-path": ":" in name,
        },
    )
    files = tree_of(found)
    expect(
        files,
        ["etc", "etc/motd", "top"],
        story="the tree was looked at",
        mistakes={"directory-made-first": files == []},
    )
    layers = (*layers, tar(file("etc/motd", "good bye\n")))
    layout, manifest, config = made_image(Sample(tmp_path / "other"), layers)
    found = outcome(image_tree, layout, manifest, config)
    expect(
        str(found),
        f"{layout.path}/trees/{chain_of(*layers)}",
        story="image_tree was called for an image of three layers",
    )


@check("image_tree", points=2, rule="overlayfs.rst: many overlays may share one lower directory")
def test_image_tree_unpacks_once(tmp_path):
    """the second container of the image finds the tree there"""
    layout, manifest, config = made_image(Sample(tmp_path / "store"), two_layers())
    tree = Path(image_tree(layout, manifest, config))
    before = os.stat(tree).st_ino, os.stat(tree / "top").st_ino
    again = outcome(image_tree, layout, manifest, config)
    story = "image_tree was called twice for one image"
    anew = {"unpacked-anew": True}
    expect(str(again), str(tree), story=story, mistakes=anew)
    after = os.stat(tree).st_ino, os.stat(tree / "top").st_ino
    shown = "the files of the first call are still there"
    expect(after, before, story=story, shown=shown, mistakes=anew)


@check("image_tree", points=1, rule=SHARED)
def test_image_tree_is_shared_by_equal_layers(tmp_path):
    """two images that differ in their config alone share a tree; others do not"""
    sample, (low, top) = Sample(tmp_path / "store"), two_layers()
    first = image_tree(*made_image(sample, [low, top]))
    second = image_tree(*made_image(sample, [low, top], {"Cmd": ["/other"]}))
    expect(
        str(second),
        str(first),
        story="a second image has the same layers and another Cmd",
        mistakes={"keyed-by-the-manifest": True},
    )
    other = image_tree(*made_image(sample, [tar(file("else", "")), top]))
    expect(
        (other == first, os.path.exists(f"{other}/else")),
        (False, True),
        story="a third image has the same top layer on another one",
        shown="a tree of its own, with its own files",
        mistakes={"top-layer-only": other == first},
    )


@check("image_tree", points=1, rule='image-spec, config.md, "rootfs": diff_ids is a list')
def test_image_tree_without_layers(tmp_path):
    """an image without layers has an empty tree"""
    layout, manifest, config = made_image(Sample(tmp_path / "store"), [])
    found = outcome(image_tree, layout, manifest, config)
    taken = isinstance(found, Raised) and found.kind == "IndexError"
    expect(
        found if isinstance(found, Raised) else str(found),
        f"{layout.path}/trees/empty",
        story="image_tree was called for an image without layers",
        mistakes={"layers-taken-for-granted": taken},
    )
    expect(os.listdir(found), [], story="the tree was looked at")


@check("image_tree", points=1, rule='image-spec, descriptor.md, "Verification"')
def test_image_tree_leaves_no_half_tree(tmp_path):
    """after a failure nothing is left that could pass for the tree"""
    sample, layers = Sample(tmp_path / "store"), two_layers()
    layout, manifest, config = made_image(sample, layers)
    blob = sample.file(sha256(gzipped(layers[1])))
    good = blob.read_bytes()
    blob.write_bytes(b"x" * len(good))
    bad = outcome(image_tree, layout, manifest, config)
    expect(bad, Raises(ImageError), story="the blob of the top layer was damaged")
    blob.write_bytes(good)
    tree = outcome(image_tree, layout, manifest, config)
    whole = not isinstance(tree, Raised) and os.path.exists(f"{tree}/top")
    expect(
        "whole" if whole else tree,
        "whole",
        story="… then repaired, and image_tree was called again",
        shown="the whole tree",
        mistakes={"directory-made-first": True},
    )


# ---------------------------------------------------------------- snapshot

OVERLAY = (
    "overlayfs.rst: what is written goes to the upper directory; of an object that is in both,"
    " the upper one is seen; the lower ones are never written to"
)


def lower_tree(place, mode=0o755):
    lower = place / "lower"
    (lower / "etc").mkdir(parents=True)
    (lower / "etc" / "motd").write_text("the image's\n")
    (lower / "link").symlink_to("/etc/motd")
    lower.chmod(mode)
    return lower


def tree_of(place):
    return sorted(p.relative_to(place).as_posix() for p in Path(place).rglob("*"))


def private_mounts():
    linux.unshare(linux.CLONE_NEWNS)
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)


def snap(tmp_path, lower, name="container", then=None, refused=0):
    """Call snapshot in a mount namespace; `then(rootfs, container)` gives what is looked at."""
    container = tmp_path / name
    container.mkdir()

    def refuse(source, target, fstype, *_, **__):
        raise OSError(refused, os.strerror(refused), str(target))

    def call():
        private_mounts()
        if refused:
            linux.mount = refuse
        rootfs = snapshot(str(lower), str(container))
        return then(Path(str(rootfs)), container)

    return apart(call)


def is_overlay(path):
    return any(
        f" {path} " in line and " - overlay " in line
        for line in Path("/proc/self/mountinfo").read_text().splitlines()
    )


@functools.cache
def overlay_works():
    """Whether this machine lets us mount an overlay here."""
    place = Path(tempfile.mkdtemp())
    for name in ("l", "u", "w", "m"):
        (place / name).mkdir()

    def call():
        private_mounts()
        options = f"lowerdir={place}/l,upperdir={place}/u,workdir={place}/w,userxattr"
        linux.mount("overlay", place / "m", "overlay", data=options)
        return True

    return apart(call) is True


@check("snapshot", points=2, rule=OVERLAY)
def test_snapshot_looks_like_the_image(tmp_path):
    """the new root filesystem looks like the image's tree"""
    lower = lower_tree(tmp_path)

    def look(rootfs, container):
        seen = {"path": str(rootfs), "files": tree_of(rootfs)}
        return {**seen, "motd": (rootfs / "etc/motd").read_text(), "overlay": is_overlay(rootfs)}

    found = snap(tmp_path, lower, then=look)
    wanted = {
        "path": str(tmp_path / "container" / "rootfs"),
        "files": ["etc", "etc/motd", "link"],
        "motd": "the image's\n",
        "overlay": overlay_works(),
    }
    told = found if isinstance(found, dict) else {}
    expect(
        found,
        wanted,
        story="snapshot was called for a tree with etc/motd and a link",
        mistakes={
            "upper-and-lower-swapped": told.get("files") == [] and told.get("overlay"),
            "always-copied": told.get("files") == wanted["files"] and not told.get("overlay"),
        },
    )


@check("snapshot", points=2, rule=OVERLAY)
def test_snapshot_keeps_the_image_as_it_is(tmp_path):
    """what the container writes goes to upper, and the image's tree stays as it is"""
    lower = lower_tree(tmp_path)

    def write(rootfs, container):
        (rootfs / "new").write_text("x")
        (rootfs / "etc/motd").write_text("the container's\n")
        (rootfs / "link").unlink()
        upper = (
            tree_of(container / "upper") if overlay_works() else ["etc", "etc/motd", "link", "new"]
        )
        seen = {"seen": tree_of(rootfs), "lower": tree_of(lower), "upper": upper}
        return {**seen, "lower's motd": (lower / "etc/motd").read_text()}

    found = snap(tmp_path, lower, then=write)
    wanted = {
        "seen": ["etc", "etc/motd", "new"],
        "lower": ["etc", "etc/motd", "link"],
        "upper": ["etc", "etc/motd", "link", "new"],
        "lower's motd": "the image's\n",
    }
    told = found if isinstance(found, dict) else {}
    expect(
        found,
        wanted,
        story="in the new root filesystem a file was made, one changed, one removed",
        mistakes={
            "upper-and-lower-swapped": "new" in told.get("lower", ()) or missing(found),
            "always-copied": told.get("upper") == [],
        },
    )


def missing(found):
    """Whether a file was not there that should have been."""
    return isinstance(found, Raised) and "No such file" in str(found)


@check(
    "snapshot", points=1, rule="overlayfs.rst: a merged directory has the upper one's attributes"
)
def test_snapshot_has_the_mode_of_the_image(tmp_path):
    """the root directory has the mode of the image's"""
    for number, mode in enumerate((0o711, 0o1777)):
        place = tmp_path / str(number)
        place.mkdir()
        lower = lower_tree(place, mode)
        found = snap(place, lower, then=lambda rootfs, _: stat.S_IMODE(rootfs.stat().st_mode))
        expect(
            oct(found) if isinstance(found, int) else found,
            oct(mode),
            story=f"the root directory of the image has the mode {mode:o}",
            mistakes={"mode-of-a-new-directory": found == 0o755},
        )


@check("snapshot", points=2, rule="overlayfs.rst: in a path, a colon and a comma need a backslash")
def test_snapshot_of_a_strange_path(tmp_path):
    """the paths may hold a comma, a colon and a backslash"""
    for number, name in enumerate(("a,b", "a:b", "a\\b")):
        place = tmp_path / str(number) / name
        place.mkdir(parents=True)
        lower = lower_tree(place)
        found = snap(place, lower, then=lambda rootfs, c: [tree_of(rootfs), is_overlay_below(c)])
        expect(
            found,
            [["etc", "etc/motd", "link"], overlay_works()],
            story=f"the store is in a directory named {name}",
            shown="an overlay that looks like the image's tree",
            mistakes={"path-unescaped": True},
        )


def is_overlay_below(container):
    """Whether an overlay is mounted in the directory (mountinfo writes \\ as \\134)."""
    place = str(container).replace("\\", "\\134")
    return is_overlay(f"{place}/rootfs")


@check("snapshot", points=2, rule='mount(2), "ERRORS": EPERM, ENODEV, EINVAL …')
def test_snapshot_without_overlays(tmp_path):
    """where the kernel refuses an overlay, the tree is copied"""
    lower = lower_tree(tmp_path)
    for refused in (errno.EPERM, errno.ENODEV):
        name = errno.errorcode[refused]
        found = snap(tmp_path, lower, name, lambda rootfs, _: tree_of(rootfs), refused)
        number = getattr(found.error, "errno", None) if isinstance(found, Raised) else None
        expect(
            found,
            ["etc", "etc/motd", "link"],
            story=f"mount failed with {name}; the root filesystem was looked at",
            mistakes={"no-way-out": number == refused, "failure-unnoticed": found == []},
        )


@check("snapshot", points=1, rule='mount(2), "ERRORS": not every failure means “no overlays here”')
def test_snapshot_does_not_hide_errors(tmp_path):
    """any other failure is the caller's to know"""
    lower = lower_tree(tmp_path)
    found = snap(tmp_path, lower, then=lambda rootfs, _: tree_of(rootfs), refused=errno.ENOSPC)
    expect(
        found,
        Raises(OSError),
        story="mount failed with ENOSPC (No space left on device)",
        mistakes={"every-error-swallowed": not isinstance(found, Raised)},
    )


# ---------------------------------------------------------------- with_options

COMMAND = (
    'image-spec, config.md, "Entrypoint" and "Cmd": Cmd is the default for the arguments of the'
    " entrypoint, and both may be replaced when a container is made"
)


def an_image(**settings):
    return {"architecture": "amd64", "os": "linux", "config": settings}


def served():
    """An image with both kinds of words for its program."""
    return an_image(Entrypoint=["/init"], Cmd=["serve", "80"])


def settings_of(image, options):
    """What with_options makes of the image's settings."""
    found = outcome(with_options, image, options)
    return found["config"] if isinstance(found, dict) and "config" in found else found


def command_of(found):
    """Entrypoint and Cmd of such settings."""
    if not isinstance(found, dict):
        return found
    return {name: list(found.get(name) or []) for name in ("Entrypoint", "Cmd")}


@check("with_options", points=2, rule=COMMAND)
def test_arguments_replace_cmd(tmp_path):
    """the words after the image's name replace its Cmd, not its Entrypoint"""
    found = command_of(settings_of(served(), Options(arguments=["ls", "-l"])))
    told = found if isinstance(found, dict) else {}
    expect(
        found,
        {"Entrypoint": ["/init"], "Cmd": ["ls", "-l"]},
        story="docker run IMAGE ls -l, where the image has Entrypoint /init and Cmd serve 80",
        mistakes={
            "arguments-appended": told.get("Cmd") == ["serve", "80", "ls", "-l"],
            "arguments-replace-entrypoint": told.get("Entrypoint") != ["/init"],
        },
    )
    found = command_of(settings_of(served(), Options()))
    expect(
        found,
        {"Entrypoint": ["/init"], "Cmd": ["serve", "80"]},
        story="docker run IMAGE, without more words",
        mistakes={"no-arguments-empty-cmd": isinstance(found, dict) and not found["Cmd"]},
    )


@check("with_options", points=2, rule=COMMAND)
def test_entrypoint_takes_cmd_away(tmp_path):
    """an entrypoint of the user's goes without the image's Cmd"""
    for arguments in ([], ["-v"]):
        options = Options(entrypoint="/my tool", arguments=arguments)
        found = command_of(settings_of(served(), options))
        told = found if isinstance(found, dict) else {}
        expect(
            found,
            {"Entrypoint": ["/my tool"], "Cmd": arguments},
            story=f"--entrypoint '/my tool', with the arguments {arguments}",
            mistakes={
                "cmd-kept": told.get("Cmd") == ["serve", "80"],
                "entrypoint-split": told.get("Entrypoint") in (["/my", "tool"], list("/my tool")),
                "entrypoint-takes-arguments-away": arguments and told.get("Cmd") == [],
            },
        )
    found = command_of(settings_of(served(), Options(entrypoint="", arguments=["sh"])))
    told = found if isinstance(found, dict) else {}
    expect(
        found,
        {"Entrypoint": [], "Cmd": ["sh"]},
        story="--entrypoint '', with the argument sh",
        mistakes={"empty-is-not-none": told.get("Entrypoint") in (["/init"], [""])},
    )


@check("with_options", points=1, rule='image-spec, config.md, "User" and "WorkingDir"')
def test_user_and_directory(tmp_path):
    """user and working directory are replaced only when the user says so"""
    keys = ("User", "WorkingDir", "StopSignal")
    for options, wanted in (
        (Options(), ("web", "/srv", "SIGINT")),
        (Options(user="0", workdir="/tmp"), ("0", "/tmp", "SIGINT")),
        (Options(user="", workdir=""), ("", "", "SIGINT")),
    ):
        image = an_image(Cmd=["sh"], User="web", WorkingDir="/srv", StopSignal="SIGINT")
        found = settings_of(image, options)
        seen = {k: found.get(k) for k in keys} if isinstance(found, dict) else found
        expect(
            seen,
            dict(zip(keys, wanted, strict=True)),
            story=f"user={options.user!r}, workdir={options.workdir!r}; the image says web, /srv",
            mistakes={
                "none-written-over": isinstance(seen, dict) and None in seen.values(),
                "empty-is-unsaid": options.user == "",
            },
        )
    image = an_image(Cmd=["sh"])
    found = outcome(with_options, image, Options(user="0"))
    expect(
        {k: v for k, v in found.items() if k != "config"} if isinstance(found, dict) else found,
        {"architecture": "amd64", "os": "linux"},
        story="the image has an architecture and an os beside its config; what of that is left?",
        mistakes={"rest-of-the-image-lost": isinstance(found, dict)},
    )


@check("with_options", points=2, rule="image-spec, conversion.md: Env goes to process.env")
def test_environment_of_the_user_wins(tmp_path):
    """the user's variables win, the image's stay, and the host's do not get in"""
    image = an_image(Cmd=["sh"], Env=["A=image", "PATH=/bin"])
    found = settings_of(image, Options(env=["A=user", "B=1", CANARY, "NOT_SET_ANYWHERE"]))
    env = found.get("Env", []) if isinstance(found, dict) else found
    seen = env if isinstance(env, Raised) else dict(one.partition("=")[::2] for one in env)
    told = seen if isinstance(seen, dict) else {}
    expect(
        seen,
        {"A": "user", "B": "1", CANARY: "the host's", "PATH": "/bin"},
        story=f"-e A=user -e B=1 -e {CANARY} -e NOT_SET_ANYWHERE; the image has A and PATH",
        mistakes={
            "host-environment-added": len(told) > 5,
            "image-variable-wins": told.get("A") == "image",
            "image-variables-lost": bool(told) and "PATH" not in told,
            "bare-name-kept": "NOT_SET_ANYWHERE" in told or told.get(CANARY) in ("", "None"),
        },
    )
    expect(len(env), len(seen), story="Env was searched for a name that stands there twice")


@check("with_options", points=1, rule="the image's config is content, and its digest is its name")
def test_image_is_not_changed(tmp_path):
    """the image itself stays as it is"""
    image = an_image(Entrypoint=["/init"], Cmd=["serve"], Env=["A=1"])
    before = copy.deepcopy(image)
    outcome(with_options, image, Options(entrypoint="/x", env=["A=2"], user="1", arguments=["y"]))
    expect(
        image["config"],
        before["config"],
        story="with_options was called; then the image that it was given was looked at",
        mistakes={"image-changed": True},
    )


@check("with_options", points=1, rule=COMMAND)
def test_nothing_to_run(tmp_path):
    """BadOption when neither image nor user names a program"""
    empty = an_image(Entrypoint=[], Cmd=[])
    for image in (an_image(), {"architecture": "amd64", "os": "linux"}, empty):
        found = outcome(with_options, image, Options())
        expect(
            found,
            Raises(BadOption),
            story=f"the image's config is {image.get('config', 'not there at all')}, no arguments",
            mistakes={
                "config-taken-for-granted": isinstance(found, Raised) and found.kind == "KeyError",
                "nothing-runs": not isinstance(found, Raised),
            },
        )
    found = command_of(settings_of(an_image(), Options(arguments=["sh"])))
    expect(found, {"Entrypoint": [], "Cmd": ["sh"]}, story="the same image, with the argument sh")


# ---------------------------------------------------------------- bind_mount

MOUNTS = (
    'runtime-spec, config.md, "Mounts": destination must be an absolute path; a bind mount has'
    " the option bind or rbind; its source is relative to the bundle if it is not absolute"
)


@check("bind_mount", points=2, rule=MOUNTS)
def test_volume_becomes_a_mount(tmp_path):
    """SOURCE:DESTINATION becomes a mount, with ro or rw where the user says so"""
    for mode in ("", ":ro", ":rw"):
        found = outcome(bind_mount, f"{tmp_path}:/data{mode}")
        told = found if isinstance(found, dict) else {}
        said = [mode[1:]] if mode else []
        expect(
            found,
            {
                "destination": "/data",
                "type": "bind",
                "source": str(tmp_path),
                "options": ["rbind", "rprivate", *said],
            },
            story=f"-v {tmp_path}:/data{mode}",
            mistakes={
                "ro-lost": mode == ":ro" and "ro" not in told.get("options", ["ro"]),
                "sides-swapped": told.get("source") == "/data",
            },
        )


@check("bind_mount", points=1, rule=MOUNTS)
def test_relative_source(tmp_path):
    """a relative source is relative to the directory of the user"""
    (tmp_path / "site").mkdir()

    def call(volume):
        os.chdir(tmp_path)
        return bind_mount(volume)["source"]

    for volume in ("./site:/data", "site:/data"):
        found = apart(functools.partial(call, volume))
        expect(
            found,
            f"{tmp_path}/site",
            story=f"-v {volume}, in the directory {tmp_path}",
            mistakes={"source-left-relative": not str(found).startswith("/")},
        )


@check("bind_mount", points=2, rule=MOUNTS)
def test_what_is_no_volume(tmp_path):
    """anything that is not of the form is refused"""
    for volume, key in (
        (f"{tmp_path}", ""),
        (f"{tmp_path}:data", "destination-unchecked"),
        (f"{tmp_path}:/data:wr", "mode-unchecked"),
        (f"{tmp_path}:/data:ro:x", "mode-unchecked"),
        (f"{tmp_path}:", "destination-unchecked"),
        (":/data", "empty-source"),
    ):
        found = outcome(bind_mount, volume)
        expect(
            found,
            Raises(BadOption),
            story=f"-v {volume}",
            mistakes={
                key: not isinstance(found, Raised),
                "form-taken-for-granted": not isinstance(found, dict)
                and found.kind in ("IndexError", "ValueError"),
            },
        )


@check("bind_mount", points=1, rule='mount(2), "ERRORS": ENOENT')
def test_missing_source(tmp_path):
    """a source that does not exist is refused, and not made"""
    source = tmp_path / "typo"
    found = outcome(bind_mount, f"{source}:/data")
    seen = "made" if source.exists() else found
    expect(
        seen,
        Raises(BadOption),
        story=f"-v {source}:/data, and {source} does not exist",
        mistakes={
            "source-made": source.exists(),
            "missing-source-accepted": isinstance(found, dict),
        },
    )


# ---------------------------------------------------------------- run_bundle

LIFECYCLE = (
    'runtime-spec, runtime.md, "Lifecycle": create, then start, then the process runs and ends;'
    " delete removes what create made, and only a stopped container may be deleted"
)
SHELLS = 'POSIX, Shell Command Language, "Exit Status for Commands": 128 + N for signal N'


@functools.cache
def shell_root():
    """A root filesystem with a shell and sleep, from this machine's files."""
    root = Path(tempfile.mkdtemp()) / "root"
    build_root(str(root), ["sh", "sleep"])
    for name in ("proc", "dev", "sys", "tmp", "etc"):
        (root / name).mkdir(exist_ok=True)
    bad = root / "bin" / "bad"
    bad.write_bytes(b"\x7fELF, but no program")
    bad.chmod(0o755)
    return root


def shell_bundle(tmp_path, script, terminal=False):
    """A bundle that runs a script, and an empty state directory: run_bundle's arguments."""
    config = default_config(rootless=True)
    kept = ("pid", "mount", "ipc", "uts")
    config["linux"] = {"namespaces": [{"type": kind} for kind in kept]}
    config["mounts"] = [m for m in config["mounts"] if m["type"] in ("proc", "tmpfs", "devpts")]
    config["root"] = {"path": str(shell_root()), "readonly": False}
    process = config["process"]
    args = ["/bin/sh", "-c", script] if script != "bad" else ["/bin/bad"]
    config["process"] = {**process, "terminal": terminal, "args": args}
    del config["process"]["rlimits"]
    bundle, root = tmp_path / "bundle", tmp_path / "state"
    bundle.mkdir()
    root.mkdir()
    (bundle / "config.json").write_text(json.dumps(config))
    return str(root), "box", str(bundle), terminal


def run_apart(arguments, during=None, **options):
    """What run_bundle gives in a process of its own; `during(pid of that process)` goes on beside.

    Beside the status: a child that nobody waited for, and whether signals are handled as before.
    """

    def handlers():
        return [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]

    def call():
        before = handlers()
        helper = beside(during) if during else 0
        try:
            status = run_bundle(*arguments, **options)
        finally:
            no_longer(helper)
        signals = "handled as before" if handlers() == before else "handled in another way"
        return {"status": status, "zombie": has_child(), "signals": signals}

    return apart(call)


def refused_to_delete(found):
    return isinstance(found, Raised) and "cannot delete" in str(found)


def no_start(root, id):
    raise ContainerError("no start today", id)


def beside(function):
    """Fork a process that calls `function(our pid)`."""
    parent, pid = os.getpid(), os.fork()
    if pid == 0:
        try:
            function(parent)
        finally:
            os._exit(0)
    return pid


def no_longer(helper):
    """End what went on beside, if anything: it need not wait for what will not come any more."""
    with contextlib.suppress(ChildProcessError):  # the answer may have waited for it
        if helper and os.waitpid(helper, os.WNOHANG)[0] == 0:
            os.kill(helper, signal.SIGKILL)
            os.waitpid(helper, 0)


def has_child():
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


def status_of(found):
    return found.get("status") if isinstance(found, dict) else found


def running(root):
    """The pid of the container `box` when its program runs, else 0."""
    try:
        found = lifecycle.state(root, "box")
    except (ContainerError, OSError, ValueError):
        return 0
    return found["pid"] if found["status"] == "running" else 0


@check("run_bundle", points=2, rule=LIFECYCLE, seconds=4)
def test_bundle_runs_to_its_end(tmp_path):
    """the program runs, and its exit status is returned"""
    pid_file = tmp_path / "pid"
    found = run_apart(shell_bundle(tmp_path, "exit 7"), pid_file=str(pid_file))
    status = status_of(found)
    text = str(found)
    expect(
        status,
        7,
        story="run_bundle was called with a bundle that runs: sh -c 'exit 7'",
        mistakes={
            "start-before-create": isinstance(found, Raised) and found.kind == "NoSuchContainer",
            "wait-status": status == 7 << 8,
            "never-started": status == 137 or "cannot delete a container that is created" in text,
            "not-waited-for": status is None or "cannot delete a container that is running" in text,
        },
    )
    expect(
        pid_file.exists(),
        True,
        story="run_bundle was told pid_file=…, an option of create; was the file written?",
        mistakes={"options-not-handed-on": True},
    )


@check("run_bundle", points=2, rule=SHELLS, seconds=4)
def test_signal_counts_from_128(tmp_path):
    """a process that signal 9 ended counts as 137"""
    arguments = shell_bundle(tmp_path, "sleep 60")

    def kill(_):
        if until(lambda: running(arguments[0]), 2):
            os.kill(running(arguments[0]), signal.SIGKILL)

    status = status_of(run_apart(arguments, kill))
    expect(
        status,
        137,
        story="while the container ran, its process was killed with signal 9 (kill -9)",
        mistakes={"signal-forgotten": status in (0, 9, -9)},
    )


@check(
    "run_bundle", points=1, rule='wait(2), "NOTES": who ended is a zombie until it is waited for'
)
def test_no_zombie_is_left(tmp_path):
    """nobody is left that was not waited for, and signals are handled as before"""
    found = run_apart(shell_bundle(tmp_path, "exit 0"))
    expect(
        found,
        {"status": 0, "zombie": False, "signals": "handled as before"},
        story="run_bundle returned; then the children of its process were counted, and what it does"
        " at SIGTERM, SIGINT and SIGHUP was compared with before",
        mistakes={
            "zombie-left": isinstance(found, dict) and found["zombie"],
            "foreground-not-left": isinstance(found, dict) and found["signals"] != "handled as before",
        },
    )


@check(
    "run_bundle", points=2, rule='docker run, "--sig-proxy": signals go to the process', seconds=4
)
def test_signals_go_on(tmp_path):
    """a signal that we get reaches the process in the container"""
    arguments = shell_bundle(
        tmp_path, "trap 'exit 9' TERM; : > /ready; while :; do sleep 0.01; done"
    )
    ready = shell_root() / "ready"
    ready.unlink(missing_ok=True)

    def send(parent):
        if until(ready.exists, 2):
            os.kill(parent, signal.SIGTERM)

    found = run_apart(arguments, send)
    expect(
        status_of(found),
        9,
        story="sh -c \"trap 'exit 9' TERM; …\" ran, and kill -TERM was sent to who ran it",
        mistakes={"signals-not-passed-on": "SIGTERM" in str(found)},
    )


@check("run_bundle", points=2, rule=LIFECYCLE, seconds=4)
def test_container_is_deleted(tmp_path):
    """the container is deleted at the end, also when it could not be started"""
    for script in ("exit 0", "bad"):
        place = tmp_path / script.replace(" ", "-")
        place.mkdir()
        arguments = shell_bundle(place, script)
        found = run_apart(arguments)
        if script == "bad":
            expect(found, Raises(ContainerError), story="the program is a broken file")
        left = os.listdir(arguments[0])
        key = "not-deleted" if script != "bad" else "not-deleted-after-a-failure"
        what = "ended" if script != "bad" else "could not be started"
        expect(
            left,
            [],
            story=f"the program {what}; then the runtime's state directory was looked at",
            shown="nothing",
            mistakes={"deleted-without-force": refused_to_delete(found), key: True},
        )
    (tmp_path / "asleep").mkdir()
    arguments = shell_bundle(tmp_path / "asleep", "exit 0")
    with unittest.mock.patch.object(lifecycle, "start", no_start):
        found = run_apart(arguments)
    expect(found, Raises(ContainerError), story="start failed before it woke the container")
    expect(
        os.listdir(arguments[0]),
        [],
        story="start failed before it woke the container, which slept on: created, not stopped;"
        " then the runtime's state directory was looked at",
        shown="nothing",
        mistakes={"deleted-without-force": refused_to_delete(found)},
    )
    (tmp_path / "taken").mkdir()
    arguments = shell_bundle(tmp_path / "taken", "exit 0")
    other = Path(arguments[0], "box")
    other.mkdir()
    (other / "state.json").write_text("somebody else's")
    found = run_apart(arguments)
    expect(found, Raises(ContainerError), story="another container has the id already")
    expect(
        other.exists(),
        True,
        story="another container has the id already; run_bundle failed. Is the other still there?",
        mistakes={"others-deleted": True},
    )


@check("run_bundle", points=1, rule="prctl(2), PR_SET_PDEATHSIG", seconds=4)
def test_process_dies_with_us(tmp_path):
    """when who ran it is killed, the container's process ends as well"""
    arguments = shell_bundle(tmp_path, "sleep 60")
    found = []

    def kill(parent):
        if until(lambda: running(arguments[0]), 2):
            found.append(running(arguments[0]))
            (tmp_path / "ran").touch()
            os.kill(parent, signal.SIGKILL)
            gone = until(lambda: not alive(found[0]), 1)
            (tmp_path / "seen").write_text("ended" if gone else "runs on")

    run_apart(arguments, kill)
    if (tmp_path / "ran").exists():
        until((tmp_path / "seen").exists, 1)
    seen = (tmp_path / "seen").read_text() if (tmp_path / "seen").exists() else "never ran"
    mistakes = {"outlives-us": seen == "runs on"}
    expect(seen, "ended", story="who ran it was killed with kill -9", mistakes=mistakes)


def alive(pid):
    """Whether the process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@check("run_bundle", points=2, rule='runtime-spec, config.md, "process.terminal"', seconds=4)
def test_terminal_is_joined_with_ours(tmp_path):
    """with a terminal, what is typed reaches the process"""
    arguments = shell_bundle(tmp_path, "test -t 0 && read line && test $line = hi && exit 5", True)
    pid, master = pty.fork()
    if pid == 0:
        status = 99
        try:
            status = run_bundle(*arguments)
        except BaseException as error:
            (tmp_path / "error").write_text(f"{type(error).__name__}: {error}")
        finally:
            os._exit(status if isinstance(status, int) and 0 <= status < 256 else 98)
    os.write(master, b"hi\n")
    until(lambda: os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT), 2.5)
    os.kill(pid, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(master)
    told = (tmp_path / "error").read_text() if (tmp_path / "error").exists() else status
    expect(
        told,
        5,
        story="a process was run with a terminal, and hi was typed into ours",
        mistakes={"console-forgotten": "terminal" in str(told) or status in (-9, 98)},
    )


# ---------------------------------------------------------------- clean_up

ANY_MOMENT = (
    "signal(7): SIGKILL can't be caught. The engine may end after any of its steps, and so may"
    " who cleans up; what is done again must be right from every state"
)
#: how far the engine may have come, one step after the other
STEPS = {
    "nothing": "before it had made anything",
    "directory": "when it had made the container's directory",
    "rootfs": "when it had made an empty rootfs in the container's directory",
    "mount": "when it had mounted the root filesystem",
    "create": "when it had created the container",
    "start": "when the container ran",
}
#: what lifecycle.delete raises without force
REFUSED = ("WrongState", "NoSuchContainer")


def as_far_as(tmp_path, step, remove=True):
    """What the engine has made when it ends after `step`: clean_up's arguments."""
    box, image = tmp_path / "store" / "containers" / "box", tmp_path / "image"
    root, id, bundle, _ = shell_bundle(tmp_path, "sleep 60")
    record = {"id": id, "name": "box", "image": "small", "remove": remove, "owner": None}
    image.mkdir()
    linux.mount("none", image, "tmpfs")  # another file system, as an overlay is one
    (image / "motd").write_text("the image's\n")
    made = list(STEPS)[: list(STEPS).index(step) + 1]
    if "directory" in made:
        box.mkdir(parents=True)
        (box / "container.json").write_text(json.dumps(record))
    if "rootfs" in made:
        (box / "rootfs").mkdir()
    if "mount" in made:
        linux.mount(image, box / "rootfs", None, linux.MS_BIND)
    if "create" in made:
        lifecycle.create(root, id, bundle)
    if "start" in made:
        lifecycle.start(root, id)
    return str(tmp_path / "store"), root, record


def found_after(tmp_path, made, times=1):
    """Call clean_up so often, in this process; what is left then, and what was raised."""
    store_path, root, record = made
    box = f"{store_path}/containers/{record['id']}"
    pid = running(root)
    raised = "nothing"
    for _ in range(times):
        came = outcome(clean_up, *made)
        raised = came.kind if isinstance(came, Raised) and raised == "nothing" else raised
    return {
        "raised": raised,
        "process": "runs" if pid and alive(pid) else "gone",
        "state": os.listdir(root),
        "mount": f" {box}/rootfs " in Path("/proc/self/mountinfo").read_text(),
        "directory": sorted(os.listdir(box)) if os.path.isdir(box) else "gone",
        "image": (tmp_path / "image" / "motd").exists(),
    }


NOTHING_LEFT = {
    "raised": "nothing",
    "process": "gone",
    "state": [],
    "mount": False,
    "directory": "gone",
    "image": True,
}


def cleaned(tmp_path, step, *, remove=True, times=1):
    """What is left, when clean_up is called after that step of the engine."""

    def call():
        private_mounts()
        return found_after(tmp_path, as_far_as(tmp_path, step, remove), times)

    tmp_path.mkdir(exist_ok=True)
    return apart(call)


def part(found, name):
    return found.get(name) if isinstance(found, dict) else None


@check("clean_up", points=2, rule='umount2(2); runtime-spec, runtime.md, "Delete"', seconds=4)
def test_clean_up_of_a_container_that_is_kept(tmp_path):
    """what runs is ended and what is mounted is unmounted; without --rm the files stay"""
    found = cleaned(tmp_path, "start", remove=False)
    expect(
        found,
        {**NOTHING_LEFT, "directory": ["container.json", "rootfs"]},
        story='clean_up was called while a container ran whose record says "remove": False',
        mistakes={
            "force-forgotten": part(found, "raised") in REFUSED,
            "process-left": part(found, "process") == "runs" or part(found, "state") != [],
            "removed-unasked": part(found, "directory") == "gone" or not part(found, "image"),
            "mount-left": part(found, "mount"),
        },
    )


@check("clean_up", points=2, rule='rmdir(2), "ERRORS": EBUSY, a mount point', seconds=4)
def test_clean_up_leaves_nothing(tmp_path):
    """with --rm nothing is left, and the image is as it was"""
    found = cleaned(tmp_path, "start")
    expect(
        found,
        NOTHING_LEFT,
        story='clean_up was called while a container ran whose record says "remove": True;'
        " on its rootfs a directory was mounted, the image",
        mistakes={
            "unmounted-too-late": part(found, "mount") or not part(found, "image"),
            "files-left": part(found, "directory") not in ("gone", None),
        },
    )


@check("clean_up", points=2, rule=ANY_MOMENT, seconds=6)
def test_clean_up_from_any_state(tmp_path):
    """however far the engine came before kill -9, and a second time as well"""
    for step, when in list(STEPS.items())[:-1]:
        place = tmp_path / step

        def call(place=place, step=step):
            private_mounts()
            engine = beside(lambda _: killed(place, step))
            os.waitpid(engine, 0)
            made = json.loads((place / "made").read_text())
            return found_after(place, made, times=2)

        place.mkdir()
        found = apart(call)
        expect(
            found,
            NOTHING_LEFT,
            story=f"the engine was ended by kill -9 {when}; then clean_up was called twice",
            mistakes={
                "force-forgotten": part(found, "raised") in REFUSED,
                "once-only": part(found, "raised") in ("OSError", "FileNotFoundError"),
                "rest-skipped": part(found, "raised") == "nothing",
            },
        )


def killed(place, step):
    """An engine that is killed after that step."""
    (place / "made").write_text(json.dumps(as_far_as(place, step)))
    os.kill(os.getpid(), signal.SIGKILL)


@check("clean_up", points=1, rule='umount2(2), "MNT_DETACH": a lazy unmount')
def test_clean_up_while_somebody_looks(tmp_path):
    """also while somebody has a file of the container open"""

    def call():
        private_mounts()
        made = as_far_as(tmp_path, "mount")
        with open(f"{made[0]}/containers/box/rootfs/motd"):
            return found_after(tmp_path, made)

    found = apart(call)
    expect(
        found,
        NOTHING_LEFT,
        story="clean_up was called while a file in the container's rootfs was open",
        mistakes={"waits-for-nobody": part(found, "mount")},
    )


@check("clean_up", points=1, rule="what is needed to find the rest goes last")
def test_clean_up_that_fails_can_be_done_again(tmp_path):
    """when delete or umount2 fails, that is told, and the container can still be found"""

    def refused(*_):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    def not_unmounted():
        private_mounts()
        made = as_far_as(tmp_path / "mounted", "mount")
        linux.umount2 = refused
        first = found_after(tmp_path / "mounted", made)
        there = "is gone" if first["directory"] == "gone" else "is there"
        return {"raised": first["raised"], "directory": there, "image": first["image"]}

    (tmp_path / "mounted").mkdir()
    found = apart(not_unmounted)
    expect(
        found,
        {"raised": "PermissionError", "directory": "is there", "image": True},
        story="umount2 raised PermissionError (EPERM), so that the image is mounted at rootfs still",
        mistakes={
            "failure-hidden": part(found, "raised") == "nothing" and part(found, "image"),
            "refusal-hidden": not part(found, "image"),
        },
    )

    def call():
        private_mounts()
        made = as_far_as(tmp_path, "mount")
        strange = Path(made[1], "box", "strange")
        strange.mkdir(parents=True)
        first = found_after(tmp_path, made)
        strange.rmdir()
        return {
            "the first time": "an error" if first["raised"] != "nothing" else "no error",
            "directory": first["directory"] if first["directory"] == "gone" else "is there",
            "the second time": found_after(tmp_path, made),
        }

    found = apart(call)
    expect(
        found,
        {"the first time": "an error", "directory": "is there", "the second time": NOTHING_LEFT},
        story="lifecycle.delete raised an OSError, since it could not remove the runtime's state;"
        " then that was mended, and clean_up was called again",
        mistakes={
            "failure-hidden": part(found, "the first time") == "no error",
            "found-no-more": part(found, "directory") == "gone",
        },
    )


# ---------------------------------------------------------------- start_monitor

END_OF_FILE = (
    'pipe(7), "I/O on pipes and FIFOs": read gives the end of the file when every descriptor'
    " of the writing end, in every process, has been closed"
)


def monitoring(tmp_path, then, fail=False):
    """Start a monitor that leaves its pid in a file; what `then(monitor, file)` gives."""
    cleaned = tmp_path / "cleaned"

    def clean():
        if fail:
            raise OSError("clean failed")
        cleaned.write_text(str(os.getpid()))

    def call():
        caller = os.getpid()
        try:
            monitor = start_monitor(clean)
        finally:
            if os.getpid() != caller:
                (tmp_path / "stray").touch()
                os._exit(0)
        return then(monitor, cleaned)

    return apart(call)


def by_whom(monitor, cleaned):
    """Who has cleaned up."""
    if not cleaned.exists() or not cleaned.read_text():
        return "nobody"
    return "the monitor" if int(cleaned.read_text()) == monitor.pid else "somebody else"


@check("start_monitor", points=2, rule=END_OF_FILE)
def test_monitor_cleans_when_dismissed(tmp_path):
    """it waits, and cleans up when it is dismissed"""

    def then(monitor, cleaned):
        until(cleaned.exists, 0.03)
        seen = ["cleaned up too early" if cleaned.exists() else "waited"]
        seen.append(type(monitor).__name__)
        hung = not dismissed(monitor)
        return [*seen, "hangs" if hung else by_whom(monitor, cleaned)]

    found = monitoring(tmp_path, then)
    stray = (tmp_path / "stray").exists()
    expect(
        "the monitor came back from the call" if stray else found,
        ["waited", Monitor.__name__, "the monitor"],
        story="a monitor was started, and then dismissed",
        mistakes={
            "monitor-returns": stray,
            "cleans-at-once": found[:1] == ["cleaned up too early"] if is_list(found) else False,
            "lifeline-kept": is_list(found) and found[-1] == "hangs",
            "cleaned-here": is_list(found) and found[-1] == "somebody else",
        },
    )

    def count(monitor, _):
        pipe = os.readlink(f"/proc/self/fd/{monitor.lifeline}")
        files = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        ends = sum(os.readlink(link) == pipe for link in files)
        dismissed(monitor)
        return ends

    found = monitoring(tmp_path, count)
    expect(
        found,
        1,
        story="after start_monitor, how many ends of its pipe were open in the process that called it?",
        shown="1, the lifeline",
        mistakes={"reading-end-kept": found == 2},
    )


def is_list(found):
    return isinstance(found, list)


def dismissed(monitor, seconds=1.0):
    """Dismiss it, unless it does not notice that the lifeline is closed: then kill it."""
    os.close(monitor.lifeline)

    def over():
        return os.waitid(os.P_PID, monitor.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)

    if until(over, seconds):
        _, status = os.waitpid(monitor.pid, 0)
        if status:
            monitor.clean()
        return True
    os.kill(monitor.pid, signal.SIGKILL)
    os.waitpid(monitor.pid, 0)
    return False


@check("start_monitor", points=2, rule=END_OF_FILE)
def test_monitor_cleans_after_kill_9(tmp_path):
    """it cleans up when the command is killed with kill -9"""
    cleaned, told = tmp_path / "cleaned", tmp_path / "pid"

    def command():
        os.closerange(3, 256)  # a monitor that never ends must not keep our pipes
        try:
            told.write_text(str(start_monitor(cleaned.touch).pid))
        finally:
            os.kill(os.getpid(), signal.SIGKILL)

    def call():
        pid = os.fork()
        if pid == 0:
            command()
        os.waitpid(pid, 0)
        seen = until(cleaned.exists, 1)
        if not seen and told.exists():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(told.read_text()), signal.SIGKILL)
        return "cleaned up" if seen else "nothing was done"

    expect(
        apart(call),
        "cleaned up",
        story="the process that had started the monitor was killed with kill -9",
        mistakes={"lifeline-kept": True},
    )


@check("start_monitor", points=1, rule="setsid(2); tty_ioctl(4): Ctrl-C goes to a process group")
def test_monitor_has_a_session_of_its_own(tmp_path):
    """Ctrl-C does not reach it"""

    def then(monitor, _):
        until(lambda: os.getsid(monitor.pid) == monitor.pid, 0.2)
        session = "its own" if os.getsid(monitor.pid) == monitor.pid else "ours"
        dismissed(monitor)
        return session

    found = monitoring(tmp_path, then)
    story = "a monitor was started, and its session compared with ours"
    expect(found, "its own", story=story, mistakes={"same-session": found == "ours"})


@check("start_monitor", points=2, rule="signal(7): an ignored signal has no effect")
def test_monitor_ignores_what_ends_commands(tmp_path):
    """the signals that end a command do not end it, and only it"""
    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT)

    def then(monitor, cleaned):
        before = [signal.getsignal(number) == signal.SIG_IGN for number in numbers]
        until(lambda: ignored(monitor.pid, numbers), 0.2)
        for number in numbers:
            os.kill(monitor.pid, number)
        dismissed(monitor)
        return [by_whom(monitor, cleaned), "we ignore them too" if any(before) else "not we"]

    found = monitoring(tmp_path, then)
    expect(
        found,
        ["the monitor", "not we"],
        story="SIGTERM, SIGHUP, SIGQUIT and SIGINT were sent to it, then it was dismissed",
        mistakes={
            "caller-ignores-too": is_list(found) and found[1] != "not we",
            "lifeline-kept": is_list(found) and found[0] == "nobody",
            "signals-end-it": is_list(found),
        },
    )


def ignored(pid, numbers):
    """Whether the process ignores all these signals."""
    status = Path(f"/proc/{pid}/status").read_text()
    mask = int(status.partition("SigIgn:")[2].split()[0], 16)
    return all(mask >> (number - 1) & 1 for number in numbers)


@check("start_monitor", points=1, rule="_exit(2): the process ends, and nothing else of it runs")
def test_monitor_that_fails_says_so(tmp_path):
    """when clean raises, it ends with status 1, and does not come back"""

    def then(monitor, _):
        os.close(monitor.lifeline)
        until(lambda: os.waitid(os.P_PID, monitor.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT), 0.5)
        os.kill(monitor.pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(monitor.pid, 0)[1])

    found = monitoring(tmp_path, then, fail=True)
    stray = (tmp_path / "stray").exists()
    expect(
        "the monitor came back from the call" if stray else found,
        1,
        story="clean raised an OSError in the monitor",
        mistakes={"monitor-returns": stray, "failure-counts-as-success": found == 0},
    )


# ---------------------------------------------------------------- run_container

ENGINE = "the engine's promise: the status is the program's, and with --rm nothing stays behind"


@functools.cache
def small_layers():
    """The layers of an image with a shell."""
    entries = []
    for path in sorted(shell_root().rglob("*")):
        name, mode = path.relative_to(shell_root()).as_posix(), path.lstat().st_mode & 0o7777
        if path.is_symlink():
            entries.append(symlink(name, os.readlink(path)))
        elif path.is_dir():
            entries.append(directory(name, mode=mode))
        elif path.is_file() and name != "ready":
            entries.append(file(name, path.read_bytes(), mode=mode))
    return (tar(*entries),)


@functools.cache
def store():
    """A store with that image; it is the same for all checks, as are its trees."""
    sample = Sample(Path(tempfile.mkdtemp()) / "store")
    settings = {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin:/usr/bin"]}
    layout, manifest, _ = made_image(sample, small_layers(), settings)
    return layout, read_image(layout, manifest, host_platform())


def damaged(place):
    """A store with an image of which a layer can't be unpacked."""
    sample, layers = Sample(place / "store"), two_layers()
    layout, manifest, _ = made_image(sample, layers, {"Cmd": ["/bin/sh"]})
    image = read_image(layout, manifest, host_platform())
    sample.file(sha256(gzipped(layers[0]))).write_bytes(b"x")
    return layout, image


def refused(*_):
    raise PermissionError(errno.EPERM, "Operation not permitted")


def ran(tmp_path, script, *, remove=True, during=None, of=None, namespaces=True, **options):
    """What run_container gives in a process of its own, and what is left afterwards.

    `of` is another store and image; without `namespaces` the machine refuses them.
    """
    layout, image = of or store()
    at_once = tmp_path / "at-once"
    state = tmp_path / "run"
    state.mkdir()
    os.environ["XDG_RUNTIME_DIR"] = str(state)
    asked = Options(arguments=["/bin/sh", "-c", script], **options)
    record = {"name": "", "image": "small", "remove": remove, "owner": None}
    for old in kept(layout):
        shutil.rmtree(old, ignore_errors=True)

    def call():
        mounts = os.readlink("/proc/self/ns/mnt")
        helper = beside(during) if during else 0
        if not namespaces:
            linux.unshare = refused
        try:
            status = run_container(layout, image, dict(record), asked)
        finally:
            at_once.write_text(str(len(kept(layout))))
            no_longer(helper)
        same = os.readlink("/proc/self/ns/mnt") == mounts
        return {"status": status, "mounts": "seen outside" if same else "its own"}

    found = apart(call)
    left = {"containers": int(at_once.read_text()) if at_once.exists() else -1}
    return found, {**left, "states": len(list(state.glob("minicontainer/*")))}


def kept(layout=None):
    """The directories of containers in the store."""
    store_path = (layout or store()[0]).path
    return [p for p in (store_path / "containers").glob("*") if p.is_dir()]


@check("run_container", points=2, rule=ENGINE, seconds=4)
def test_run_gives_the_status(tmp_path):
    """the exit status of the program is returned, and the mounts are its own"""
    found, _ = ran(tmp_path, "exit 7")
    expect(
        found,
        {"status": 7, "mounts": "its own"},
        story="run_container: sh -c 'exit 7'; the mount namespaces before and after were compared",
        mistakes={
            "machines-mounts-changed": isinstance(found, dict) and found["mounts"] != "its own",
            "status-lost": isinstance(found, dict) and found["status"] != 7,
        },
    )


@check("run_container", points=2, rule=ENGINE, seconds=4)
def test_run_leaves_nothing(tmp_path):
    """at the end the container is gone, also when it could not be made"""
    broken = damaged(tmp_path)
    for what, options, error, key in (
        ("ended", {}, None, "monitor-not-dismissed"),
        ("has a user that nobody knows", {"user": "nobody-here"}, ImageError, "left-after-a-failure"),
        ("is of an image that can't be unpacked", {"of": broken}, ImageError, "tried-too-late"),
        ("may have no mount namespace", {"namespaces": False}, MinicontainerError, "made-too-early"),
    ):
        place = tmp_path / key
        place.mkdir()
        found, left = ran(place, "exit 0", **options)
        if error:
            expect(found, Raises(error), story=f"the container {what}")
        expect(
            left,
            {"containers": 0, "states": 0},
            story=f"the container {what}; what was left of it was counted as soon as run_container"
            " was over, in the same process",
            mistakes={key: True},
        )


@check("run_container", points=1, rule="docker ps -a shows “Exited (3)”", seconds=4)
def test_run_remembers_the_status(tmp_path):
    """a container that is kept remembers its exit status"""
    found, _ = ran(tmp_path, "exit 3", remove=False)
    expect(status_of(found), 3, story="a container without --rm was run: sh -c 'exit 3'")
    records = containers.all_containers(str(store()[0].path))
    seen = [record.get("exit_status") for record in records]
    expect(
        seen,
        [3],
        story="a container without --rm ended with 3; the records of all containers were read",
        shown="one record, with exit_status 3",
        mistakes={"status-not-remembered": seen == [None]},
    )


@check("run_container", points=2, rule=OVERLAY, seconds=4)
def test_run_does_not_change_the_image(tmp_path):
    """the next container of the image sees nothing of this one"""
    seen = []
    for number, script in enumerate(("echo x > /mark; exit 4", "test -e /mark && exit 6; exit 5")):
        place = tmp_path / str(number)
        place.mkdir()
        status = status_of(ran(place, script)[0])
        seen.append(str(status) if isinstance(status, Raised) else status)
    expect(
        seen,
        [4, 5],
        story="one container wrote /mark and ended with 4, the next one looked for it: 6 if it is"
        " there, else 5",
        mistakes={"image-written-to": seen == [4, 6]},
    )


@check("run_container", points=2, rule=ENGINE, seconds=4)
def test_run_survives_kill_9(tmp_path):
    """also after kill -9 nothing stays behind"""
    state = tmp_path / "run" / "minicontainer"

    def kill(parent):
        def runs():
            return kept() and any((p / "state.json").exists() for p in state.glob("*"))

        if until(runs, 2):
            time.sleep(0.05)
            (tmp_path / "ran").touch()
            os.kill(parent, signal.SIGKILL)

    ran(tmp_path, "sleep 60", during=kill)
    did_run = (tmp_path / "ran").exists()
    gone = did_run and until(lambda: not kept() and not list(state.glob("*")), 1)
    left = "the container is still there" if did_run else "it never ran"
    expect(
        "nothing is left" if gone else left,
        "nothing is left",
        story="the container slept, and the process that ran it was killed with kill -9",
        mistakes={"no-monitor": did_run},
    )

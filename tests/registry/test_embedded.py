"""The images that the kit makes."""

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile

import pytest

from minicontainer.registry import embedded
from minicontainer.registry.embedded import make_images
from minicontainer.registry.host_tools import (
    SHELL,
    NoTools,
    loader_settings,
    program_files,
    tool_files,
)
from minicontainer.registry.machine_code import MACHINES
from minicontainer.registry.tiny_programs import hello_program
from minicontainer.step03_image.digest import digest_of
from minicontainer.step03_image.layout import blob_path, create_layout, read_blob, references
from minicontainer.step03_image.manifest import (
    choose_manifest,
    host_platform,
    parse_platform,
    resolve,
)
from minicontainer.step03_image.spec import parse_config, parse_index, parse_manifest
from minicontainer.step03_image.unpack import unpack
from tests.waiting import costs_less_than

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="not on Linux")
NAMES = ["hello:latest", "shell:latest", "web:1.0", "web:1.1"]


def manifest_of(images, name, platform=None):
    descriptor = references(images)[f"docker.io/workshop/{name}"]
    return parse_manifest(
        read_blob(images, resolve(images, descriptor, platform or host_platform()))
    )


def config_of(images, name):
    return parse_config(read_blob(images, manifest_of(images, name)["config"]))


def members(images, layer):
    content = gzip.decompress(blob_path(images, layer["digest"]).read_bytes())
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return tar.getmembers()


@ON_LINUX
def test_the_same_machine_makes_the_same_images(images, tmp_path):
    lines = []
    with costs_less_than(10):
        made = make_images(create_layout(tmp_path / "again"), lines.append)
    assert [one.name for one in made] == [f"workshop/{name}" for name in NAMES]
    first = references(images)
    for one in made:
        assert one.problem == ""
        assert one.descriptor["digest"] == first[f"docker.io/{one.name}"]["digest"]
        assert f"making {one.name}" in lines


def test_what_can_not_be_made_is_named_and_the_rest_is_made(tmp_path, monkeypatch):
    def nothing():
        raise NoTools("there is no program 'sh' on this machine")

    monkeypatch.setattr(embedded, "base_files", nothing)
    layout, lines = create_layout(tmp_path / "layout"), []
    made = {one.name: one for one in make_images(layout, lines.append)}
    assert made["workshop/shell:latest"].descriptor is None
    assert "no program 'sh'" in made["workshop/shell:latest"].problem
    assert any("workshop/shell:latest can't be made here" in line for line in lines)
    assert sorted(references(layout)) == [
        f"docker.io/workshop/{name}" for name in NAMES if "shell" not in name
    ]


def test_every_config_fits_its_layers(images):
    for name in NAMES:
        manifest, config = manifest_of(images, name), config_of(images, name)
        for layer, diff_id in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True):
            content = gzip.decompress(blob_path(images, layer["digest"]).read_bytes())
            assert digest_of(content) == diff_id
            for member in members(images, layer):
                assert (member.uid, member.gid) == (0, 0)
                assert member.mtime == 1735689600
                assert member.mode & 0o6000 == 0


def test_hello_is_for_five_platforms_and_has_an_attestation(images):
    index = parse_index(read_blob(images, references(images)["docker.io/workshop/hello:latest"]))
    platforms = [entry["platform"] for entry in index["manifests"]]
    shown = ["/".join([one["os"], one["architecture"]]) for one in platforms]
    assert shown == [
        "linux/amd64", "linux/arm64", "linux/arm", "linux/riscv64", "linux/386", "unknown/unknown"
    ]  # fmt: skip
    attestation = index["manifests"][-1]
    assert attestation["annotations"]["vnd.docker.reference.type"] == "attestation-manifest"
    about = attestation["annotations"]["vnd.docker.reference.digest"]
    assert about == choose_manifest(index, parse_platform("linux/amd64"))["digest"]
    statement = parse_manifest(read_blob(images, attestation))["layers"][0]
    assert json.loads(read_blob(images, statement))["subject"][0]["digest"]["sha256"] in about


def test_hello_has_one_layer_of_one_program(images):
    (layer,) = manifest_of(images, "hello:latest")["layers"]
    (program,) = members(images, layer)
    assert (program.name, program.mode) == ("hello", 0o755)
    assert program.size < 1000


def test_the_two_web_images_share_all_but_the_page(images):
    old, new = manifest_of(images, "web:1.0"), manifest_of(images, "web:1.1")
    assert old["layers"][:-1] == new["layers"][:-1]
    assert old["layers"][-1] != new["layers"][-1]
    assert len(old["layers"]) == 3
    assert old["config"] != new["config"]


@ON_LINUX
def test_shell_has_settings_of_every_kind(images):
    settings = config_of(images, "shell:latest")["config"]
    for name in ("User", "Env", "Entrypoint", "Cmd", "WorkingDir"):
        assert settings[name]


@ON_LINUX
def test_shells_last_layer_deletes_replaces_and_hides(images):
    layers = manifest_of(images, "shell:latest")["layers"]
    first, last = (
        {member.name for member in members(images, layer)} for layer in (layers[0], layers[-1])
    )
    assert len(layers) >= 3
    assert {"etc/motd", "etc/build-note", "usr/share/guide/draft-1"} <= first
    assert {"etc/motd", "etc/.wh.build-note", "usr/share/guide/.wh..wh..opq"} <= last


@ON_LINUX
def test_shell_unpacked_works(images, tmp_path):
    descriptor = references(images)["docker.io/workshop/shell:latest"]
    root = tmp_path / "root"
    root.mkdir()
    unpack(images, descriptor, root)
    assert not (root / "etc/build-note").exists()
    assert sorted(path.name for path in (root / "usr/share/guide").iterdir()) == ["README"]
    assert "Welcome" in (root / "etc/motd").read_text()
    script = (
        "cd /home/workshop && cat /etc/motd | head -n 2 | wc -l && ls /usr/share/guide && id -u"
    )
    done = subprocess.run(
        [sys.executable, "-c", IN_ROOT, root, script], capture_output=True, text=True, timeout=60
    )
    if done.returncode == 77:
        pytest.skip(f"this machine forbids namespaces: {done.stdout.strip()}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["2", "README", "0"]
    # ld.so(8): with this variable the loader lists the libraries and starts nothing
    script = "for tool in ls find sed ps ip mount; do LD_TRACE_LOADED_OBJECTS=1 /bin/$tool; done"
    done = subprocess.run(
        [sys.executable, "-c", IN_ROOT, root, script], capture_output=True, text=True, timeout=60
    )
    assert "not found" not in done.stdout and "loading" not in done.stderr
    assert (done.returncode, "libc" in done.stdout) == (0, True)


def test_what_the_machine_installs_elsewhere_does_not_change_the_image():
    """The loader's cache goes along only for libraries that it can't find without."""
    usual = ["bin/ls", "lib/x86_64-linux-gnu/libc.so.6", "lib64/ld-linux-x86-64.so.2"]
    usual += ["usr/lib64/libz.so.1", "lib/aarch64-linux-gnu/libm.so.6"]
    names = {file.path for file in loader_settings(usual)}
    assert names == set()
    if os.path.exists("/etc/ld.so.cache"):
        names = {file.path for file in loader_settings([*usual, "opt/odd/libx.so.1"])}
        assert names == {"etc/ld.so.cache"}


@ON_LINUX
@pytest.mark.parametrize(("words", "greeted"), [(["/bin/sh"], True), (["true"], False)])
def test_the_shell_greets_who_comes_to_stay(tmp_path, words, greeted):
    motd, entrypoint = tmp_path / "motd", tmp_path / "entrypoint"
    motd.write_text("Welcome")
    script = (SHELL / "finishing/bin/entrypoint").read_text()
    entrypoint.write_text(script.replace("/etc/motd", str(motd)))
    ours, theirs = os.openpty()
    try:
        os.write(ours, b"\x04")
        done = subprocess.run(
            ["sh", entrypoint, *words], stdin=theirs, capture_output=True, text=True, timeout=60
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert ("Welcome" in done.stdout) is greeted


IN_ROOT = """
import os, sys
from minicontainer import linux
if os.geteuid():
    uid, gid = os.getuid(), os.getgid()
    try:
        linux.unshare(linux.CLONE_NEWUSER)
        open("/proc/self/setgroups", "w").write("deny")
        open("/proc/self/uid_map", "w").write(f"0 {uid} 1")
        open("/proc/self/gid_map", "w").write(f"0 {gid} 1")
    except OSError as problem:
        print(problem)
        sys.exit(77)
os.chroot(sys.argv[1])
os.chdir("/")
os.execve("/bin/entrypoint", ["entrypoint", "/bin/sh", "-c", sys.argv[2]], {"PATH": "/bin"})
"""


@ON_LINUX
def test_no_program_of_the_machine_is_run(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("something was started")

    for name in ("fork", "posix_spawn", "execv", "execve", "system"):
        monkeypatch.setattr(os, name, refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    assert all(one.descriptor for one in make_images(create_layout(tmp_path / "layout")))


@ON_LINUX
def test_a_machine_whose_tools_are_one_program(tmp_path, monkeypatch):
    """As on Alpine: sh, ls and cat are links to busybox."""
    (tmp_path / "busybox").write_bytes(hello_program(MACHINES[0]))
    (tmp_path / "busybox").chmod(0o755)
    for tool in ("sh", "ls"):
        (tmp_path / tool).symlink_to("busybox")
    monkeypatch.setenv("PATH", str(tmp_path))
    base = {file.path: file for file in program_files("sh")}
    assert sorted(base) == ["bin/busybox", "bin/sh"]
    assert base["bin/sh"].link == "busybox"
    assert [file.path for file in program_files("ls")] == ["bin/busybox", "bin/ls"]
    tools = tool_files({"bin/busybox"})
    assert "bin/ls" in [file.path for file in tools]
    assert "bin/busybox" not in [file.path for file in tools]

"""The commands for images: pull, images, inspect, tags, rmi, unpack."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from minicontainer.cli.words import ago
from tests.programs import needs, needs_namespaces, needs_root


def test_pull_twice_then_list_and_inspect(engine):
    first = engine("pull", "workshop/hello")
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[-1] == "docker.io/workshop/hello:latest"
    blobs = {path: path.stat().st_mtime_ns for path in engine.store.glob("blobs/*/*")}
    assert engine("pull", "-q", "workshop/hello").stdout == "docker.io/workshop/hello:latest\n"
    assert {path: path.stat().st_mtime_ns for path in engine.store.glob("blobs/*/*")} == blobs
    heads, row = engine("images").stdout.splitlines()
    assert heads.split() == ["REPOSITORY", "TAG", "DIGEST", "PLATFORM", "CREATED", "SIZE"]
    assert row.split()[:2] == ["workshop/hello", "latest"]
    inspected = json.loads(engine("inspect", "workshop/hello").stdout)[0]
    assert inspected["config"]["config"]["Entrypoint"] == ["/hello"]
    assert inspected["manifestDescriptor"]["platform"]["os"] == "linux"


def test_tags_are_those_of_the_registry(engine):
    assert engine("tags", "workshop/web").stdout == "1.0\n1.1\n"


def test_two_tags_share_what_is_the_same(engine):
    engine("pull", "workshop/web:1.0")
    before = set(engine.store.glob("blobs/*/*"))
    engine("pull", "workshop/web:1.1")
    manifests = [
        json.loads(engine("inspect", f"workshop/web:{tag}").stdout)[0]["manifest"]
        for tag in ("1.0", "1.1")
    ]
    layers = [{layer["digest"] for layer in manifest["layers"]} for manifest in manifests]
    assert len(layers[0] & layers[1]) == 2
    new = {path.name for path in set(engine.store.glob("blobs/*/*")) - before}
    assert not new & {digest.partition(":")[2] for digest in layers[0] & layers[1]}


def test_rmi_removes_the_name_the_blobs_and_the_tree(engine):
    engine("run", "--rm", "workshop/hello")
    engine("pull", "workshop/web:1.0")
    assert list((engine.store / "trees").iterdir())
    done = engine("rmi", "workshop/hello")
    assert done.returncode == 0, done.stderr
    assert "Untagged: workshop/hello:latest" in done.stdout
    assert "Deleted: sha256:" in done.stdout
    assert "workshop/hello" not in engine("images").stdout
    assert list((engine.store / "trees").iterdir()) == []
    assert engine("inspect", "workshop/web:1.0").returncode == 0
    missing = engine("rmi", "workshop/hello")
    assert missing.returncode == 1
    assert "workshop/web:1.0" in missing.stderr


def test_unpack_from_the_store_gives_the_files_with_the_whiteouts_applied(engine, tmp_path):
    engine("pull", "workshop/shell")
    root = tmp_path / "root"
    assert engine("unpack", "workshop/shell", str(root)).returncode == 0
    assert (root / "bin" / "sh").exists()
    assert not list(root.rglob(".wh.*"))
    again = engine("unpack", "workshop/shell", str(root))
    assert again.returncode == 1
    assert "already there" in again.stderr


@needs("umoci")
@needs_root
def test_unpack_gives_the_same_tree_as_umoci(engine, tmp_path):
    engine("pull", "workshop/shell")
    name = "docker.io/workshop/shell:latest"
    layout = tmp_path / "layout"
    shutil.copytree(engine.store, layout, ignore=shutil.ignore_patterns(".minicontainer"))
    index = json.loads((layout / "index.json").read_text())
    for entry in index["manifests"]:
        if entry["annotations"]["org.opencontainers.image.ref.name"] == name:
            entry["annotations"]["org.opencontainers.image.ref.name"] = "shell"
    (layout / "index.json").write_text(json.dumps(index))
    assert engine("unpack", f"oci:{layout}:shell", str(tmp_path / "ours")).returncode == 0
    bundle = tmp_path / "bundle"
    command = ["umoci", "unpack", "--image", f"{layout}:shell", str(bundle)]
    subprocess.run(command, check=True, capture_output=True)
    ours, theirs = tree(tmp_path / "ours"), tree(bundle / "rootfs")
    # No layer has an entry for the root itself: its time is each tool's own choice.
    del ours["."], theirs["."]
    assert ours == theirs


def tree(root: Path) -> dict[str, tuple]:
    """Everything that two trees can differ in."""
    found = {}
    for path in sorted([root, *root.rglob("*")]):
        status = path.lstat()
        if path.is_symlink():
            content: object = os.readlink(path)
        else:
            content = path.read_bytes() if path.is_file() else None
        attributes = {
            name: os.getxattr(path, name, follow_symlinks=False)
            for name in os.listxattr(path, follow_symlinks=False)
        }
        facts = (
            status.st_mode,
            status.st_uid,
            status.st_gid,
            status.st_nlink,
            int(status.st_mtime),
        )
        found[str(path.relative_to(root))] = (*facts, content, attributes)
    return found


def test_a_broken_blob_is_not_run(engine):
    engine("pull", "workshop/hello")
    manifest = json.loads(engine("inspect", "workshop/hello").stdout)[0]["manifest"]
    blob = engine.store / "blobs" / manifest["layers"][0]["digest"].replace(":", "/")
    content = bytearray(blob.read_bytes())
    content[-9] ^= 1
    blob.chmod(0o644)
    blob.write_bytes(content)
    done = engine("run", "--rm", "workshop/hello")
    assert done.returncode == 125
    assert "Traceback" not in done.stderr
    assert "Hello" not in done.stdout
    assert engine.traces() == []
    assert not list((engine.store / "trees").glob("*"))


def test_an_unwritable_store_is_one_message(engine, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    environment = {**engine.environment, "XDG_DATA_HOME": str(blocked)}
    for words in (("pull", "workshop/hello"), ("run", "workshop/hello"), ("images",)):
        done = engine(*words, env=environment)
        assert done.returncode == (125 if words[0] == "run" else 1)
        assert done.stderr.startswith("minicontainer: ")
        assert "Traceback" not in done.stderr
        assert str(blocked) in done.stderr


@needs_namespaces
def test_a_store_that_has_become_read_only_is_told_with_what_to_do(engine):
    engine("pull", "workshop/hello")
    command = " ".join(engine.command("run", "--rm", "workshop/hello"))
    script = f"mount --bind -o ro {engine.store} {engine.store} && exec {command}"
    unshare = ["unshare", "--map-root-user", "--mount", "sh", "-c", script]
    done = subprocess.run(
        unshare, env=engine.environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 125
    what, mend = done.stderr.splitlines()
    assert str(engine.store) in what and what.endswith("Read-only file system")
    assert mend.startswith("  use a directory") and "XDG_DATA_HOME" in mend


@pytest.mark.parametrize("size", ["600k", "9m"])
def test_a_full_disk_is_one_message_and_leaves_nothing_half_written(engine, tmp_path, size):
    """600 kB is too small for the pull, 9 MB for the unpacking."""
    disk = tmp_path / "disk"
    disk.mkdir()
    script = (
        f"mount -t tmpfs -o size={size} none {disk} && "
        f"{' '.join(engine.command('run', '--rm', 'workshop/shell', 'true'))}; "
        f"echo status $?; find {disk} -name '*.json' -size 0; ls -a {disk}/minicontainer/trees"
    )
    environment = {**engine.environment, "XDG_DATA_HOME": str(disk)}
    unshare = ["unshare", "--map-root-user", "--mount", "sh", "-c", script]
    done = subprocess.run(unshare, env=environment, capture_output=True, text=True, timeout=60)
    assert "status 125" in done.stdout, done.stderr
    assert "no space left on device" in done.stderr.lower()
    assert "Traceback" not in done.stderr
    assert set(done.stdout.split()) <= {"status", "125", ".", ".."}


def test_where_user_namespaces_are_forbidden_the_message_says_what_to_do(engine):
    """The limit is set in a user namespace of the test's own; root is not root in it."""
    engine("pull", "workshop/hello")
    code = (
        "import os, sys\n"
        "from minicontainer import linux\n"
        "from minicontainer.step02_runtime import namespaces\n"
        "uid, gid = os.geteuid(), os.getegid()\n"
        "linux.unshare(linux.CLONE_NEWUSER)\n"
        "open('/proc/self/setgroups', 'w').write('deny')\n"
        "open('/proc/self/uid_map', 'w').write(f'1000 {uid} 1')\n"
        "open('/proc/self/gid_map', 'w').write(f'1000 {gid} 1')\n"
        "open('/proc/sys/user/max_user_namespaces', 'w').write('0')\n"
        "os.execv(sys.argv[1], sys.argv[1:])\n"
    )
    words = engine.command("run", "--rm", "workshop/hello")
    done = subprocess.run(
        [words[0], "-c", code, *words],
        env=engine.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 125, done.stderr
    assert "CLONE_NEWUSER" in done.stderr
    assert "sudo sysctl -w user.max_user_namespaces=" in done.stderr
    assert "Traceback" not in done.stderr
    assert engine.containers() == []


def test_root_without_capabilities_is_told_what_it_lacks(engine):
    engine("pull", "workshop/hello")
    code = (
        "import os, sys\n"
        "from minicontainer import linux\n"
        "uid, gid = os.geteuid(), os.getegid()\n"
        "linux.unshare(linux.CLONE_NEWUSER)\n"
        "open('/proc/self/setgroups', 'w').write('deny')\n"
        "open('/proc/self/uid_map', 'w').write(f'0 {uid} 1')\n"
        "open('/proc/self/gid_map', 'w').write(f'0 {gid} 1')\n"
        "for capability in range(64):\n"
        "    try:\n"
        "        linux.prctl(linux.PR_CAPBSET_DROP, capability)\n"
        "    except OSError:\n"
        "        break\n"
        "os.execv(sys.argv[1], sys.argv[1:])\n"
    )
    words = engine.command("run", "--rm", "workshop/hello")
    done = subprocess.run(
        [words[0], "-c", code, *words],
        env=engine.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 125, done.stderr
    assert "CAP_SYS_ADMIN" in done.stderr
    assert "Traceback" not in done.stderr


@needs_namespaces
@needs_root
def test_a_umask_does_not_keep_a_containers_users_out(engine):
    engine("pull", "workshop/shell")
    words = engine.command("run", "--rm", "-u", "1000", "workshop/shell", "cat", "/etc/hosts")
    done = subprocess.run(
        words, env=engine.environment, capture_output=True, text=True, check=False, umask=0o077
    )
    assert done.returncode == 0 and "localhost" in done.stdout, done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_files(engine, closed):
    engine("pull", "workshop/shell")
    words = engine.command("run", "--rm", "workshop/shell", "sh", "-c", "exit 3")
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *words],
        env=engine.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "")


def test_help_names_every_command_and_versions_are_told(engine):
    told = engine("--help").stdout
    for command in ("run", "pull", "images", "inspect", "ps", "rm", "rmi", "tags", "unpack"):
        assert f"\n    {command}" in told
        assert engine(command, "--help").returncode == 0
    assert engine("--version").stdout.startswith("minicontainer ")


def test_a_full_output_is_one_message(engine):
    with open("/dev/full", "w") as full:
        done = engine("tags", "workshop/web", capture_output=False, stdout=full, stderr=-1)
    assert done.returncode == 1
    assert done.stderr == "minicontainer: No space left on device\n"


def test_ages_are_in_handy_units():
    now = datetime.datetime.now(datetime.UTC)
    shown = [
        ago((now - datetime.timedelta(days=n)).isoformat()) for n in (0, 1.5, 13, 40, 692, 800)
    ]
    assert shown == [
        "just now",
        "36 hours ago",
        "13 days ago",
        "5 weeks ago",
        "23 months ago",
        "2 years ago",
    ]


def test_a_closed_pipe_is_no_error(engine):
    engine("pull", "workshop/hello")
    words = " ".join(engine.command("inspect", "workshop/hello"))
    done = subprocess.run(
        ["sh", "-c", f"{words} | true"], env=engine.environment, capture_output=True, text=True
    )
    assert done.stderr == ""

"""Each careless line of chapter 0: the failure happens, and the step that it names prevents it."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from minicontainer import idea
from minicontainer.registry.image_builder import File, add_index, add_layer
from minicontainer.step03_image.layout import blob_path

from ..programs import needs, needs_namespaces, needs_readable, needs_root
from ..step04_registry.strange import StrangeServer
from .stage import ENGINE, IDEA, NOBODY, stage

SOURCE = Path(idea.__file__).read_text("utf-8")
LINES = re.findall(r"# careless: (.+); step 0([1-6]) mends it$", SOURCE, re.MULTILINE)
SHOWN: dict[str, int] = {}
pytestmark = needs_namespaces


def careless(step: int, line: str):
    """The test below shows the careless line that begins like this, and that `step` mends it."""
    SHOWN[line] = step
    return lambda test: test


def test_every_careless_line_is_shown():
    assert SOURCE.count("# careless") == len(LINES) == len(SHOWN) > 12
    for text, step in LINES:
        assert [SHOWN[line] for line in SHOWN if text.startswith(line)] == [int(step)], text


# -- pull ------------------------------------------------------------------------


@careless(4, "a tag, a digest and other registries")
def test_a_tag_is_taken_for_the_name(images, play):
    images.named("tagged:old", images.image(says="echo the old one"))
    assert "/v2/workshop/tagged:old/manifests/latest" in play.idea("workshop/tagged:old").stderr
    assert play.engine_runs("workshop/tagged:old").stdout == "the old one\n"


@careless(4, "a login that ~/.netrc has")
def test_a_login_for_something_else_is_shown_to_the_registry(play):
    (play.home / ".netrc").write_text("machine 127.0.0.1 login eve password secret\n")
    (play.home / ".netrc").chmod(0o600)
    assert play.idea("workshop/shell").stderr.startswith("401 Client Error")
    assert play.engine_runs("workshop/shell").returncode == 0


@careless(3, "the first one, on whatever machine")
def test_another_machines_program_is_run(images, play):
    foreign = images.image(says="echo made for a mainframe")
    foreign["platform"] = {"os": "linux", "architecture": "s390x"}
    own = images.image(says="echo made for this machine")
    name = images.named("many", add_index(images.layout, [foreign, own]))
    assert play.idea(name).stdout == "made for a mainframe\n"
    assert play.engine_runs(name).stdout == "made for this machine\n"


@careless(4, "nothing is kept")
def test_all_is_fetched_again(images, play):
    def blobs_asked(run) -> int:
        before = len(images.log)
        assert run("workshop/shell").returncode == 0
        return sum("/blobs/" in line for line in images.log[before:])

    assert [blobs_asked(play.idea) for _ in range(2)] == [2, 2]
    assert [blobs_asked(play.engine_runs) for _ in range(2)] == [2, 0]


@careless(4, "of two challenges it makes one")
@pytest.mark.parametrize(
    "challenge",
    [
        'Bearer realm="http://{at}/token",service="kit", Basic realm="somewhere"',
        'Bearer realm="http://{at}/token",service=kit',
    ],
)
def test_the_challenge_is_misread(images, challenge):
    name, digest = "workshop/shell", images.image()["digest"]

    def answer(asked):
        what = asked.path.rpartition("/")[2]
        if asked.path.startswith("/token"):
            known = "service=kit" in asked.path
            asked.reply(200 if known else 404, b'{"token":"good"}' if known else b"{}")
        elif asked.headers.get("authorization") != "Bearer good":
            asked.reply(401, WWW_Authenticate=challenge.format(at=server.at))
        else:
            path = blob_path(images.layout, digest if what == "latest" else what)
            asked.reply(200, path.read_bytes())

    with StrangeServer(answer) as server, stage(server.at) as play:
        done = play.idea(name)
        assert done.returncode == 1 and not list(play.left.iterdir()), done.stderr
        assert play.engine_runs(name).returncode == 0


@careless(3, "whatever comes is believed")
def test_a_tampered_layer_is_run(images, play):
    script = tarfile.TarInfo("bin/greet")
    script.mode = 0o755
    layer = images.archive((script, b"#!/bin/sh\necho I am good\n"))
    name = images.named("tampered", images.image(layer, Cmd=["/bin/greet"]))
    path = blob_path(images.layout, layer.descriptor["digest"])
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"I am good", b"I am evil"))
    assert play.idea(name).stdout == "I am evil\n"
    refused = play.engine_runs(name)
    assert refused.returncode and not refused.stdout
    assert layer.descriptor["digest"] in refused.stderr


# -- unpack ----------------------------------------------------------------------


@careless(3, "a link that leads out of the root")
def test_a_link_is_followed_out_of_the_root(images, play):
    canary = play.left / "canary"
    door = tarfile.TarInfo("door")
    door.type, door.linkname = tarfile.SYMTYPE, str(play.left)
    layer = images.archive((door, b""), (tarfile.TarInfo("door/canary"), b"written from inside"))
    name = images.named("door", images.image(layer, says=f"cat {canary}"))
    assert play.idea(name).returncode == 1  # inside, there is nothing
    assert canary.read_text() == "written from inside"
    canary.unlink()
    assert play.engine_runs(name).stdout == "written from inside"
    assert not canary.exists()


@careless(3, "`.wh.motd` should remove `motd`")
def test_a_removed_file_is_still_there(images, play):
    layer = add_layer(images.layout, "removes motd", [File("etc/.wh.motd", b"")])
    name = images.named("removed", images.image(layer, says="cd /etc; echo .wh* motd*"))
    assert play.idea(name).stdout == ".wh.motd motd\n"
    assert play.engine_runs(name).stdout == ".wh* motd*\n"


@needs_root
@careless(3, "owners are whoever has that name")
def test_a_file_belongs_to_somebody_of_this_machine(images, play):
    here = next(user for user in pwd.getpwall() if user.pw_uid not in (0, 4711))
    file = tarfile.TarInfo("owned")
    file.uid, file.gid, file.uname = 4711, 4711, here.pw_name
    name = images.named("owned", images.image(images.archive((file, b""))))
    assert play.idea(name).returncode == 0
    assert (play.root / "owned").stat().st_uid == here.pw_uid
    assert play.engine("pull", name).returncode == 0
    assert play.engine("unpack", name, str(play.left / "tree")).returncode == 0
    assert (play.left / "tree" / "owned").stat().st_uid == 4711


# -- run -------------------------------------------------------------------------


@careless(2, "all variables of this machine go along")
def test_a_password_goes_along(play):
    words, secret = ("workshop/shell", "sh", "-c", "echo $SECRET"), {"SECRET": "swordfish"}
    assert play.idea(*words, variables=secret).stdout == "swordfish\n"
    assert play.engine_runs(*words, variables=secret).stdout == "\n"


@careless(1, "the processes that it meets")
def test_it_may_kill_processes_of_the_machine(play):
    with subprocess.Popen(["sleep", "60"], **play.options()) as victim:
        try:
            done = play.idea("workshop/shell", "sh", "-c", f"kill {victim.pid}")
            assert done.returncode == 0
            assert victim.wait(10) == -15
        finally:
            victim.kill()
    spared = "jail.new_namespaces(linux.CLONE_NEWPID); os.kill(int(sys.argv[1]), 0)"
    assert "ProcessLookupError" in play.jailed(spared, str(os.getpid())).stderr


@careless(1, "a root process leaves a chroot")
def test_root_breaks_out(play):
    (play.home / "canary").write_text("outside")
    assert play.idea("workshop/shell").returncode == 0
    program = """
root, canary = sys.argv[1:]
def program(*words):
    os.chdir("/")
    jail.escape()
    os.write(1, Path(canary).read_bytes())
    os._exit(0)
"""
    by_chroot = """
from minicontainer import idea
os.execvpe = program
idea.run(root, {"Cmd": ["program"]}, [])
"""
    by_pivot = """
jail.new_namespaces(linux.CLONE_NEWNS)
jail.mount_private()
jail.pivot(root)
program()
"""
    words = (str(play.root), str(play.home / "canary"))
    assert play.jailed(program + by_chroot, *words).stdout == "outside"
    done = play.jailed(program + by_pivot, *words)
    assert "FileNotFoundError" in done.stderr and not done.stdout


@careless(1, "no chdir")
def test_it_still_stands_outside(play):
    (play.home / "canary").write_text("outside")
    assert play.idea("workshop/shell", "cat", "canary").stdout == "outside"
    inside = "sys.exit(jail.run(['cat', 'canary'], sys.argv[1]))"
    done = play.jailed(inside, str(play.root))
    assert (done.returncode, done.stdout) == (1, ""), done.stderr


@careless(2, "no /proc and no /dev")
def test_what_is_thrown_away_is_kept(play):
    words = (
        "workshop/shell",
        "sh",
        "-c",
        "echo thrown away > /dev/null; cat /dev/null; echo /p*/*",
    )
    assert play.idea(*words).stdout == "thrown away\n/p*/*\n"
    assert "/proc/self" in (found := play.engine_runs(*words).stdout)
    assert "thrown" not in found


@needs_root
@careless(2, "the image's User is not asked")
def test_all_rights_of_root_stay(images, play):
    name = images.named("user", images.image(User="1000:1000"))
    rights = "sh", "-c", "id -u; while read line; do echo $line; done < /proc/self/status"
    assert play.idea(name, "id", "-u").stdout == "0\n"
    with subprocess.Popen([*IDEA, name, "sleep", "60"], **play.options()) as sleeper:
        try:
            until(lambda: os.readlink(f"/proc/{sleeper.pid}/exe").endswith("/sleep"))
            status = Path(f"/proc/{sleeper.pid}/status").read_text()
        finally:
            sleeper.kill()
    assert rights_in(status) == rights_in(Path("/proc/self/status").read_text()) != 0
    found = play.engine_runs(name, *rights).stdout
    assert found.startswith("1000\n") and rights_in(found) == 0


def until(true, seconds: float = 20) -> None:
    """Wait until `true()` is."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if true():
                return
        time.sleep(0.01)
    raise AssertionError("it never was")


def rights_in(status: str) -> int:
    found = re.search(r"^CapEff:\s*(\w+)$", status, re.MULTILINE)
    assert found, status
    return int(found[1], 16)


@careless(2, "files that are open stay open")
def test_an_open_file_can_be_read(play):
    (play.home / "canary").write_text("outside")
    words = ("workshop/shell", "sh", "-c", "cat <&7")
    opened = ("sh", "-c", 'exec "$@" 7< canary', "sh")
    assert play.command(*opened, *IDEA, *words).stdout == "outside"
    engine = (ENGINE, "run", "--rm")
    done = play.command(*opened, *engine, *words)
    assert done.returncode and not done.stdout


@careless(1, "Python has SIGPIPE ignored")
def test_a_broken_pipe_is_not_noticed(play):
    words = ("sh", "-c", "kill -PIPE $$; echo still here")
    assert play.idea("workshop/shell", *words).stdout == "still here\n"
    status = f"sys.exit(jail.run({list(words)}, sys.argv[1]))"
    done = play.jailed(status, str(play.root))
    assert (done.returncode, done.stdout) == (128 + 13, ""), done.stderr


SUBORDINATES = """
printf 'nobody:300000:65536\n' > $TMPDIR/ids
mount --bind $TMPDIR/ids /etc/subuid && mount --bind $TMPDIR/ids /etc/subgid
exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
"""


@needs_root
@needs_readable
@needs("newuidmap", "unshare", "setpriv")
@careless(6, "there is nobody else in it to become")
def test_an_ordinary_user_stays_alone(images, registry):
    name = images.named("other", images.image(User="101:101"))
    with stage(registry, NOBODY) as play:
        assert play.idea(name, "id", "-u").stdout == f"{NOBODY}\n"
        play.user = 0  # until setpriv, which comes after the mounts
        as_nobody = ("unshare", "--mount", "sh", "-c", SUBORDINATES, "sh")
        engine = (ENGINE, "run", "--rm")
        done = play.command(*as_nobody, *engine, name, "id", "-u")
        assert done.stdout == "101\n", done.stderr


@careless(6, "nobody is left who would remove it")
def test_the_files_stay(play):
    for number in (1, 2):
        assert play.idea("workshop/shell").returncode == 0
        assert len(list(play.left.glob("idea-*/rootfs/etc/motd"))) == number
    shutil.rmtree(play.left)
    play.left.mkdir()
    assert play.engine_runs("workshop/shell").returncode == 0
    assert not list((play.store / "containers").glob("*/"))
    assert not list(play.left.iterdir())

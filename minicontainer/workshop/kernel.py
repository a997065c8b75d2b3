"""What does this kernel let this user do?

Tried rather than believed: namespaces and an overlay are made in a child
process and end with it. In: a directory to try in. Out: the error met, or "".
Standard library only, since the doctor must work before anything is installed.
Sources: user_namespaces(7), subuid(5), cgroups(7), sysctl(8).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

SECONDS = 20
CGROUPS = Path("/sys/fs/cgroup")


class Tried(NamedTuple):
    """The error met with each; "" where it worked."""

    namespaces: str
    overlay: str


def try_namespaces(place: Path | None) -> Tried:
    """Make namespaces, and an overlay in a new directory below `place` (None: in /tmp)."""
    code = "from minicontainer.workshop import kernel; kernel.probe()"
    with tempfile.TemporaryDirectory(dir=place, prefix=".doctor-") as directory:
        try:
            done = subprocess.run(
                [sys.executable, "-c", code, directory],
                cwd=Path(__file__).parents[2],
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Tried(f"no answer within {SECONDS} s", "")
    if not done.stdout:
        last = (done.stderr.strip().splitlines() or ["the attempt was killed"])[-1]
        return Tried(last, "")
    return Tried(*json.loads(done.stdout))


def probe() -> None:
    """In the child: make namespaces, then an overlay below argv[1]; print a `Tried` as JSON."""
    from minicontainer import linux

    try:
        make_namespaces(linux)
        linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    except OSError as error:
        tried = Tried(f"forbidden: {error}", "")
    else:
        try:
            mount_overlay(linux, sys.argv[1])
            tried = Tried("", "")
        except OSError as error:
            tried = Tried("", f"not to be had: {error}")
    print(json.dumps(tried))


def make_namespaces(linux) -> None:
    """New namespaces of six kinds, this user as root in them."""
    user, group = os.geteuid(), os.getegid()
    linux.unshare(
        linux.CLONE_NEWUSER
        | linux.CLONE_NEWNS
        | linux.CLONE_NEWPID
        | linux.CLONE_NEWNET
        | linux.CLONE_NEWUTS
        | linux.CLONE_NEWIPC
    )
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")


def mount_overlay(linux, directory: str) -> None:
    """Stack two directories below `directory`, and write into the stack."""
    paths = [Path(directory, name) for name in ("lower", "upper", "work", "merged")]
    for path in paths:
        path.mkdir()
    lower, upper, work, merged = paths
    options = f"lowerdir={lower},upperdir={upper},workdir={work},userxattr"
    linux.mount("overlay", merged, "overlay", 0, options)
    Path(merged, "file").write_text("copied up")
    linux.umount2(merged)
    # What the kernel leaves in there has no rights at all, and would outlive us.
    for left in work.iterdir():
        left.chmod(0o700)
        shutil.rmtree(left)


def why_forbidden() -> str:
    """What to do about forbidden namespaces, by the setting that forbids them."""
    if setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return "Ubuntu forbids it: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    if setting("kernel/unprivileged_userns_clone") == "0":
        return "sudo sysctl -w kernel.unprivileged_userns_clone=1"
    if setting("user/max_user_namespaces") == "0":
        return "sudo sysctl -w user.max_user_namespaces=10000"
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return "start this container with --privileged, as .devcontainer does"
    return "ask who runs this machine to allow user namespaces; labs 03, 04 and 05 run without"


def setting(name: str) -> str:
    """A kernel setting, or "" if this kernel does not have it."""
    try:
        return Path("/proc/sys", name).read_text().strip()
    except OSError:
        return ""


def has_range(file: Path, user: str) -> bool:
    """Does /etc/subuid or /etc/subgid give ids to `user`, by name or number?"""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return any(line.split(":")[0] in (user, str(os.getuid())) for line in lines)


def limits() -> tuple[int, bool]:
    """The version of cgroups in use, and whether this user may make one in its place."""
    if (CGROUPS / "cgroup.controllers").exists():
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        own = next((line[3:] for line in lines if line.startswith("0::")), "/")
        return 2, os.access(CGROUPS / own.lstrip("/"), os.W_OK)
    return 1, os.access(CGROUPS / "pids", os.W_OK)

"""What does this kernel let this user do?

Tried rather than believed: namespaces and an overlay are made in a child
process and end with it. In: a directory to try in. Out: the error met, or "".
Standard library only, since the doctor must work before anything is installed.
Sources: user_namespaces(7), cgroups(7).
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
    """The error met with each, "" where it worked; and what to do about the first one."""

    namespaces: str
    overlay: str
    advice: str = ""


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
    from minicontainer.errors import ContainerError
    from minicontainer.lib.refusal import advice
    from minicontainer.lib.user_namespace import enter_user_namespace, mapping

    kinds = linux.CLONE_NEWNS | linux.CLONE_NEWPID | linux.CLONE_NEWNET | linux.CLONE_NEWUTS
    only_us = [mapping(0, os.geteuid())], [mapping(0, os.getegid())]
    tried = Tried("", "")
    try:
        if os.geteuid() == 0:  # root's containers are made without a user namespace
            linux.unshare(linux.CLONE_NEWNS)
        enter_user_namespace(kinds | linux.CLONE_NEWIPC, *only_us)
        linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    except (OSError, ContainerError) as error:
        tried = Tried(f"forbidden: {error}", "", advice(getattr(error, "errno", None)))
    else:
        try:
            mount_overlay(linux, sys.argv[1])
        except OSError as error:
            tried = Tried("", f"not to be had: {error}")
    print(json.dumps(tried))


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


def limits() -> tuple[int, bool]:
    """The version of cgroups in use, and whether this user may make one in its place."""
    if (CGROUPS / "cgroup.controllers").exists():
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        own = next((line[3:] for line in lines if line.startswith("0::")), "/")
        return 2, os.access(CGROUPS / own.lstrip("/"), os.W_OK)
    return 1, os.access(CGROUPS / "pids", os.W_OK)

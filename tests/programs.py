"""Marks for tests that need a program or a right which not every machine has.

Where CI_NO_SKIPS is set everything must be there, so that no test is skipped unseen.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip the test, naming what is missing, unless every one of `programs` is installed."""
    missing = [program for program in programs if shutil.which(program) is None]
    return _skip_if(bool(missing), f"not installed: {', '.join(missing)}")


def _skip_if(lacking: bool, reason: str) -> pytest.MarkDecorator:
    if lacking and os.environ.get("CI_NO_SKIPS"):
        raise RuntimeError(f"{reason} (and CI_NO_SKIPS is set)")
    return pytest.mark.skipif(lacking, reason=reason)


def _user_namespaces_work() -> bool:
    # Ubuntu's AppArmor gives the namespace, but refuses what one wants it for.
    code = (
        "from minicontainer import linux; from minicontainer.step01_chroot import jail;"
        "jail.new_namespaces(linux.CLONE_NEWUSER | linux.CLONE_NEWNS); jail.mount_private()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    return done.returncode == 0


def _others_may_run() -> bool:
    command = [sys.executable, "-c", "import minicontainer"]
    settings = {"user": 65534, "group": 65534, "extra_groups": [], "cwd": "/"}
    try:
        return subprocess.run(command, capture_output=True, check=False, **settings).returncode == 0
    except OSError:
        return False


#: for tests in which root starts our commands as another user
needs_readable = _skip_if(
    os.geteuid() == 0 and not _others_may_run(),
    "only root may enter this directory, or that of this Python",
)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
needs_namespaces = _skip_if(
    os.geteuid() != 0 and not _user_namespaces_work(),
    "this machine forbids user namespaces to ordinary users",
)


def lasting_mounts() -> list[str]:
    """This machine's mounts, without those that another test has made for a moment."""
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in mounts if f" {tempfile.gettempdir()}/" not in line]

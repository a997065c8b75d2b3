"""Marks for tests that need a program which not every machine has."""

import os
import shutil
import subprocess
import sys

import pytest


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip the test, naming what is missing, unless every one of `programs` is installed."""
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def _user_namespaces_work() -> bool:
    code = "from minicontainer import linux; linux.unshare(linux.CLONE_NEWUSER)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    return done.returncode == 0


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
needs_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 and not _user_namespaces_work(),
    reason="this machine forbids user namespaces to ordinary users",
)

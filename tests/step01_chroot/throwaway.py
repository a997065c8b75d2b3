"""Runs a piece of code in a process of its own, which may lose its root and its namespaces."""

import subprocess
import sys
import textwrap

_BEGINNING = """
import os, signal, sys
from minicontainer import linux
from minicontainer.step01_chroot.jail import *

def own_namespaces(more=0):
    user = linux.CLONE_NEWUSER if os.geteuid() != 0 else 0
    new_namespaces(user | linux.CLONE_NEWNS | more)
    mount_private()

def mounts():
    with open("/proc/self/mountinfo") as stream:
        return [line.split()[4] for line in stream]
"""


def command(code: str, *arguments: object) -> list[str]:
    """The command that runs `code` with jail.py's functions and `arguments` in sys.argv[1:]."""
    return [sys.executable, "-c", _BEGINNING + textwrap.dedent(code), *map(str, arguments)]


def play(code: str, *arguments: object, **options) -> subprocess.CompletedProcess:
    """Run `code` to its end."""
    return subprocess.run(
        command(code, *arguments), capture_output=True, text=True, timeout=60, **options
    )


def answer(code: str, *arguments: object) -> str:
    """What `code` printed; it must have ended well and without complaint."""
    done = play(code, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()

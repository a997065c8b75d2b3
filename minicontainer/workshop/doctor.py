"""What can this machine do for the workshop, and what should be mended first?

In: nothing but the machine. Out: a table of one line a finding (✓ there, ✗ needed
and missing, ○ missing but not needed), each miss with what to do about it.
`./workshop doctor` must work where setting up does not, so this module uses
the standard library only.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from minicontainer.errors import MinicontainerError
from minicontainer.lib import places
from minicontainer.lib.standard_files import print_plainly

from . import kernel, needs

JUPYTER_PORT = 8888
ELSEWHERE = "labs 03, 04 and 05 run here; for 01, 02 and 06 use {} with Linux"
OTHER_SYSTEMS = {
    "Darwin": ELSEWHERE.format("the dev container (.devcontainer) or a Lima machine"),
    "Windows": ELSEWHERE.format("WSL2 or the dev container (.devcontainer)"),
}


class Finding(NamedTuple):
    """One line of the table; `mend` is empty where nothing is to be done."""

    name: str
    good: bool
    found: str
    mend: str = ""
    needed: bool = True

    @property
    def mark(self) -> str:
        """✓ there, ✗ needed and missing, ○ missing but not needed."""
        return "✓" if self.good else "✗" if self.needed else "○"


def examine() -> Iterator[Finding]:
    """All findings, in the order in which a newcomer would meet the problems."""
    yield python_version()
    yield installer()
    yield from directories()
    yield operating_system()
    if sys.platform == "linux":
        yield from namespaces()
        yield id_ranges()
        yield cgroups()
        yield memory()
        yield programs()
    yield jupyter_port()
    yield from other_tools()


def python_version() -> Finding:
    """Is this interpreter one that the packages are made for?"""
    oldest, newest = needs.PYTHONS
    found = f"{platform.python_version()} ({os.path.realpath(sys.executable)})"
    these = "a Python from {}.{} to {}.{}".format(*oldest, *newest)
    mend = f"install {these}, or name one by MINICONTAINER_PYTHON"
    return Finding("Python", oldest <= sys.version_info[:2] <= newest, found, mend)


def installer() -> Finding:
    """Are the packages installed, or can set-up do it? ./workshop knows, and says what it lacks."""
    if sys.prefix != sys.base_prefix:
        return Finding("packages", True, f"installed in {sys.prefix}")
    lacking = os.environ.get("MINICONTAINER_LACKS_PIP")
    if lacking is None:
        return Finding("packages", True, "not installed yet; ./workshop setup does it")
    found = "not installed yet, and this Python has neither pip nor ensurepip"
    return Finding("packages", False, found, lacking.strip() or "install pip or venv for it")


def directories() -> Iterator[Finding]:
    """May this user write where images, sample images and running containers are kept?"""
    found = (
        ("disk", "XDG_DATA_HOME", places.store),
        ("cache", "XDG_CACHE_HOME", places.cache),
        ("run", "XDG_RUNTIME_DIR", lambda: places.runtime_directory("minicontainer")),
    )
    for name, variable, where in found[: 3 if sys.platform == "linux" else 2]:
        try:
            yield _directory(name, variable, where())
        except MinicontainerError as error:
            yield Finding(name, False, f"{error.where} {error.what}".strip(), error.hint)


def _directory(name: str, variable: str, path: str) -> Finding:
    place = places.existing(path)
    free, wanted = shutil.disk_usage(place).free, needs.ROOM if name == "disk" else 0
    room = f"{free / (1 << 30):.1f} GiB free in {place}"
    found = room if places.may_write(place) else f"{place} may not be written"
    mend = f"let {variable} name a directory that you may write, with room for 1 GiB"
    return Finding(name, found == room and free >= wanted, found, mend)


def operating_system() -> Finding:
    """Is this a Linux, as labs 01, 02 and 06 need it?"""
    found = f"{platform.system()} {platform.release()}, {platform.machine()}"
    mend = OTHER_SYSTEMS.get(platform.system(), ELSEWHERE.format("a machine"))
    return Finding("system", sys.platform == "linux", found, mend, needed=False)


# ------------------------------------------------------------------ namespaces


def namespaces() -> Iterator[Finding]:
    """Can containers be made, and can layers be stacked instead of copied?"""
    place = places.existing(places.store())
    tried = kernel.try_namespaces(Path(place) if places.may_write(place) else None)
    found = tried.namespaces or "user, mount, pid, network and more, as this user"
    mend = f"{tried.advice or 'end other programs, and try again'}; labs 03, 04 and 05 run without"
    yield Finding("namespaces", not tried.namespaces, found, mend)
    if not tried.namespaces:
        found = tried.overlay or "layers are stacked, not copied"
        mend = "each container copies its image; another file system for {} may help"
        yield Finding(
            "overlayfs", not tried.overlay, found, mend.format(places.store()), needed=False
        )


def id_ranges() -> Finding:
    """May this user use more ids than its own in a container? Source: subuid(5)."""
    from minicontainer.lib.user_namespace import id_range  # for Linux

    if os.geteuid() == 0:
        return Finding("user ids", True, "root may use all")
    found, mend = "", "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER"
    if not (shutil.which("newuidmap") and shutil.which("newgidmap")):
        found, mend = "one: newuidmap is missing", "install the package uidmap"
    elif lacking := [file for file in ("/etc/subuid", "/etc/subgid") if not id_range(file)]:
        found = f"one: {' and '.join(lacking)} give you no range"
    return Finding("user ids", not found, found or "a range of its own", mend, needed=False)


def cgroups() -> Finding:
    """Can limits (memory, processes, cpu) be set?"""
    version, good = kernel.limits()
    found = f"version {version}, {'limits can be set' if good else 'not delegated to this user'}"
    mend = "containers run without limits"
    if version == 2:
        mend += "; systemd-run --user --scope -p Delegate=yes SHELL gives you some"
    return Finding("cgroups", good, found, mend, needed=False)


def memory() -> Finding:
    """Is there memory for JupyterLab and what the labs start? Source: proc_meminfo(5)."""
    text = Path("/proc/meminfo").read_text(encoding="ascii")
    free = next(int(line.split()[1]) for line in text.splitlines() if "MemAvailable" in line) << 10
    found = f"{free / (1 << 30):.1f} GiB available"
    return Finding("memory", free >= needs.MEMORY, found, "end other programs", needed=False)


# ------------------------------------------------------------------ programs


def programs() -> Finding:
    """Are the programs there that the demo and the labs call?"""
    missing = needs.missing_programs()
    found = f"not installed: {', '.join(missing)}" if missing else "all that demo and labs call"
    return Finding("programs", not missing, found, "install the packages coreutils, grep and sed")


def jupyter_port() -> Finding:
    """Is JupyterLab's usual port free?"""
    with socket.socket() as attempt:
        attempt.settimeout(1)
        taken = attempt.connect_ex(("127.0.0.1", JUPYTER_PORT)) == 0
    found = f"{JUPYTER_PORT} is {'taken' if taken else 'free for JupyterLab'}"
    mend = "nothing to do: JupyterLab takes the next one"
    return Finding("port", not taken, found, mend, needed=False)


def other_tools() -> Iterator[Finding]:
    """`dot`, which draws the pictures faster, and the real tools that the labs show beside ours."""
    for program, (without, package) in needs.HELPFUL.items():
        path = shutil.which(program)
        found = path or f"not installed; {without}"
        yield Finding(program, path is not None, found, f"install the package {package}", False)


# ------------------------------------------------------------------ the table


def table(findings: list[Finding]) -> str:
    """The findings as text, each miss followed by what to do."""
    lines = []
    for finding in findings:
        lines.append(f"{finding.mark} {finding.name:<11}{finding.found}")
        if not finding.good:
            lines.append(f"{'':13}-> {finding.mend}")
    missing = ", ".join(finding.name for finding in findings if finding.mark == "✗")
    last = f"Needed and missing: {missing}." if missing else "Everything needed is there."
    return "\n".join([*lines, "", last])


def main() -> int:
    """Print the table; 0 if everything needed is there, else 1."""
    findings = list(examine())
    print_plainly()
    print(table(findings))
    return 1 if any(finding.mark == "✗" for finding in findings) else 0


if __name__ == "__main__":
    sys.exit(main())

"""What is this machine called in images? The kernel has its own names, images use Go's."""

from __future__ import annotations

import platform
import sys

_NAMES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "armv5l": "arm/v5",
    "armv6l": "arm/v6",
    "armv7l": "arm/v7",
    "armhf": "arm/v7",
    "armel": "arm/v6",
    "i386": "386",
    "i486": "386",
    "i586": "386",
    "i686": "386",
    "loongarch64": "loong64",
}


def go_name(machine: str) -> tuple[str, str]:
    """Go's name of the architecture, and the variant that the name `machine` implies, if any."""
    machine = machine.lower()
    architecture, _, variant = _NAMES.get(machine, machine).partition("/")
    return architecture, variant


def this_machine() -> str:
    """The kernel's name of this machine, or of the 32-bit one that its system is made for."""
    machine = platform.machine().lower()
    if machine in ("aarch64", "x86_64") and sys.maxsize < 2**32:
        return {"aarch64": "armv7l", "x86_64": "i686"}[machine]
    return machine

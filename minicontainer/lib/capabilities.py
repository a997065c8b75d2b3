"""What may the process do of what root may do? Five sets of capabilities.

In: `process.capabilities`, names as in capabilities(7). Out: the sets of this
process. A set that is missing is empty, as runc has it.
Spec: runtime-spec, config.md, "Linux Process", capabilities; capabilities(7).
"""

from __future__ import annotations

from minicontainer import linux

from . import log

NAMES = (
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID",
    "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW",
    "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT",
    "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD",
    "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG",
    "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
)  # fmt: skip


def mask(names: list[str]) -> int:
    """The bit mask of the capabilities `names`; a name that the kernel lacks draws a warning."""
    value = 0
    for name in names:
        plain = name.upper().removeprefix("CAP_")
        if plain in NAMES:
            value |= 1 << NAMES.index(plain)
        else:
            log.warn(f"ignoring the unknown capability {name}")
    return value


def drop_bounding(keep: int) -> None:
    """Take every capability that is not in the mask `keep` out of the bounding set for good."""
    for number in range(len(NAMES)):
        try:
            if not keep >> number & 1 and linux.prctl(linux.PR_CAPBSET_READ, number):
                linux.prctl(linux.PR_CAPBSET_DROP, number)
        except OSError:
            return  # an older kernel knows fewer capabilities


def set_capabilities(effective: int, permitted: int, inheritable: int, ambient: int) -> None:
    """Set the four sets of this process, as far as it has the capabilities at all."""
    owned = linux.capget()[1]
    if permitted & ~owned:
        lacking = [name for n, name in enumerate(NAMES) if (permitted & ~owned) >> n & 1]
        log.warn("not ours to give: CAP_" + ", CAP_".join(lacking))
    permitted &= owned
    linux.capset(effective & permitted, permitted, inheritable & (permitted | owned))
    linux.prctl(linux.PR_CAP_AMBIENT, linux.PR_CAP_AMBIENT_CLEAR_ALL)
    for number in range(len(NAMES)):
        # the kernel takes into the ambient set only what is permitted and inheritable
        if (ambient & permitted & inheritable) >> number & 1:
            linux.prctl(linux.PR_CAP_AMBIENT, linux.PR_CAP_AMBIENT_RAISE, number)

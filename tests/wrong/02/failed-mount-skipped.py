"""apply_mounts: failed-mount-skipped"""

from minicontainer.lib import log


def apply_mounts(root: str, mounts: list[dict]) -> None:
    for mount in mounts:
        flags, propagation, data = parse_options(mount)
        bind = flags & linux.MS_BIND
        try:
            with Destination(root, mount) as target:
                recursive = bind | flags & linux.MS_REC
                source, fstype = mount.get("source", "none"), mount.get("type")
                linux.mount(source, target, fstype, recursive if bind else flags, data)
            with Destination(root, mount) as target:  # opened again: now it is the new mount
                if bind and flags & ~recursive:
                    change_flags(target, flags & ~linux.MS_REC)
                if propagation:
                    linux.mount(None, target, None, propagation)
        except OSError as error:
            log.warn(str(error))

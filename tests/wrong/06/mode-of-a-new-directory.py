"""snapshot: mode-of-a-new-directory"""


def snapshot(lower, container):
    rootfs, upper, work = new_directories(container)
    layers = f"lowerdir={escaped(lower)},upperdir={escaped(upper)},workdir={escaped(work)}"
    try:
        # userxattr: an ordinary user may not write the trusted.* attributes overlayfs would use.
        linux.mount("overlay", rootfs, "overlay", data=f"{layers},userxattr")
    except OSError as error:
        if error.errno not in NO_OVERLAY:
            raise
        copy(lower, rootfs)
    return rootfs

"""snapshot: always-copied"""


def snapshot(lower, container):
    rootfs, upper, work = new_directories(container)
    copy(lower, rootfs)
    return rootfs

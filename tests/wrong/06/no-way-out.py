"""snapshot: no-way-out"""


def snapshot(lower, container):
    rootfs, upper, work = new_directories(container)
    copy_attributes(lower, upper)
    layers = f"lowerdir={escaped(lower)},upperdir={escaped(upper)},workdir={escaped(work)}"
    linux.mount("overlay", rootfs, "overlay", data=f"{layers},userxattr")
    return rootfs

"""pivot: bind-not-recursive"""


def pivot(new_root):
    linux.mount(new_root, new_root, None, linux.MS_BIND)
    os.chdir(new_root)
    linux.pivot_root(".", ".")
    linux.umount2(".", linux.MNT_DETACH)
    os.chdir("/")

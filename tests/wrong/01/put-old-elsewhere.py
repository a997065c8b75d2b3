"""pivot: put-old-elsewhere"""


def pivot(new_root):
    linux.mount(new_root, new_root, None, linux.MS_BIND | linux.MS_REC)
    linux.pivot_root(new_root, "/proc")
    os.chdir("/")
    linux.umount2("/proc", linux.MNT_DETACH)

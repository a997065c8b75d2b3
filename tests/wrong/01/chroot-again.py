"""pivot: chroot-again"""


def pivot(new_root):
    linux.mount(new_root, new_root, None, linux.MS_BIND | linux.MS_REC)
    os.chdir(new_root)
    os.chroot(".")
    os.chdir("/")

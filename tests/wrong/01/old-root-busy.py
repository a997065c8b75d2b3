"""pivot: old-root-busy"""


def pivot(new_root):
    linux.mount(new_root, new_root, None, linux.MS_BIND | linux.MS_REC)
    os.mkdir(f"{new_root}/old")
    linux.pivot_root(new_root, f"{new_root}/old")
    os.chdir("/")
    linux.umount2("/old")
    os.rmdir("/old")

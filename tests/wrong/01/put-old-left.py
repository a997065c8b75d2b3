"""pivot: put-old-left"""


def pivot(new_root):
    linux.mount(new_root, new_root, None, linux.MS_BIND | linux.MS_REC)
    os.makedirs(new_root + "/old", exist_ok=True)
    linux.pivot_root(new_root, new_root + "/old")
    os.chdir("/")
    linux.umount2("/old", linux.MNT_DETACH)

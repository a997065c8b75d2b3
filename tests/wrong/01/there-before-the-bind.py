"""pivot: there-before-the-bind"""


def pivot(new_root):
    os.chdir(new_root)
    linux.mount(".", ".", None, linux.MS_BIND | linux.MS_REC)
    linux.pivot_root(".", ".")
    linux.umount2(".", linux.MNT_DETACH)
    os.chdir("/")

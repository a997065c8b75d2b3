"""enter_root: chdir-by-the-outer-path"""


def enter_root(root):
    os.chroot(root)
    os.chdir(root)

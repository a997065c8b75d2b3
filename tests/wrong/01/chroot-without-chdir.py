"""enter_root: chroot-without-chdir"""


def enter_root(root):
    os.chroot(root)

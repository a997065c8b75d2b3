"""enter_root: chdir-is-no-root"""


def enter_root(root):
    os.chdir(root)

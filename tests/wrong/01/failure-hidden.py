"""enter_root: failure-hidden"""


def enter_root(root):
    try:
        os.chroot(root)
        os.chdir("/")
    except PermissionError as error:
        print(error)

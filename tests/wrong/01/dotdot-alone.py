"""escape: dotdot-alone"""


def escape():
    os.chdir("/")
    while not os.path.samefile(".", ".."):
        os.chdir("..")
    os.chroot(".")

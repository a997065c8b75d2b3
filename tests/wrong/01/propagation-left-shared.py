"""mount_private: propagation-left-shared"""


def mount_private():
    linux.unshare(linux.CLONE_NEWNS)

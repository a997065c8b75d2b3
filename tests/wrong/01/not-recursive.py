"""mount_private: not-recursive"""


def mount_private():
    linux.mount("none", "/", None, linux.MS_PRIVATE)

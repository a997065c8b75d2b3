"""mount_private: still-shared-in-silence"""


def mount_private():
    try:
        linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    except OSError:
        pass

"""mount_private: slave-is-not-private"""


def mount_private():
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_SLAVE)

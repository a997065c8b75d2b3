"""bind_mount: sides-swapped"""


def bind_mount(volume):
    parts = volume.split(":")
    return bind(parts[1], parts[0], parts[2:])

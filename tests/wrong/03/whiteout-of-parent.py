"""apply_layer: whiteout-of-parent"""


def apply_layer(layer, root):
    added = set()
    for entry in read_tar(layer):
        directory, _, name = entry.name.rpartition("/")
        if name == OPAQUE:
            root.clear(directory, keep=added)
        elif name.startswith(WHITEOUT):
            hidden = name.removeprefix(WHITEOUT)
            if hidden.strip("."):
                root.remove(f"{directory}/{hidden}", keep=added)
        else:
            added.add(root.add(entry))

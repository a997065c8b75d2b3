"""apply_layer: opaque-in-order"""


def apply_layer(layer, root):
    added = set()
    for entry in read_tar(layer):
        directory, _, name = entry.name.rpartition("/")
        if name == OPAQUE:
            root.clear(directory)
        elif name.startswith(WHITEOUT):
            hidden = name.removeprefix(WHITEOUT)
            if hidden in ("", ".", ".."):
                raise ImageError("a whiteout that names no file")
            root.remove(f"{directory}/{hidden}", keep=added)
        else:
            added.add(root.add(entry))

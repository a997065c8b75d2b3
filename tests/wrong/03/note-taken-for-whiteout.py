"""apply_layer: note-taken-for-whiteout"""


def apply_layer(layer, root):
    added: set[Place] = set()
    for entry in read_tar(layer):
        directory, _, name = entry.name.rpartition("/")
        if name == OPAQUE:
            root.clear(directory, keep=added)
        elif name.startswith(WHITEOUT):
            hidden = name.removeprefix(WHITEOUT)
            if hidden in ("", ".", ".."):
                raise ImageError("a whiteout that names no file", entry.name)
            root.remove(f"{directory}/{hidden}", keep=added)
        else:
            added.add(root.add(entry))

"""apply_layer: whiteout-skipped"""


def apply_layer(layer, root):
    for entry in read_tar(layer):
        if "/.wh." not in entry.name:
            root.add(entry)

"""apply_layer: whiteout-left"""


def apply_layer(layer, root):
    for entry in read_tar(layer):
        root.add(entry)

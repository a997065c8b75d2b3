"""image_tree: top-layer-only"""


def image_tree(layout, manifest, image):
    chain = image["rootfs"]["diff_ids"]
    name = chain[-1].replace(":", "-") if chain else "empty"
    tree = os.path.join(layout.path, "trees", name)
    if not os.path.isdir(tree):
        unpack_tree(layout, manifest, tree)
    return tree

"""image_tree: keyed-by-the-manifest"""


def image_tree(layout, manifest, image):
    name = manifest["digest"].replace(":", "-")
    tree = os.path.join(layout.path, "trees", name)
    if not os.path.isdir(tree):
        unpack_tree(layout, manifest, tree)
    return tree

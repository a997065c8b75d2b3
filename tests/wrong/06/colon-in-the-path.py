"""image_tree: colon-in-the-path"""


def image_tree(layout, manifest, image):
    chain = chain_ids(image["rootfs"]["diff_ids"])
    name = chain[-1] if chain else "empty"
    tree = os.path.join(layout.path, "trees", name)
    if not os.path.isdir(tree):
        unpack_tree(layout, manifest, tree)
    return tree

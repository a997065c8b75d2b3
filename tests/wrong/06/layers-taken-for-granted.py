"""image_tree: layers-taken-for-granted"""


def image_tree(layout, manifest, image):
    chain = chain_ids(image["rootfs"]["diff_ids"])
    name = chain[-1].replace(":", "-")
    tree = os.path.join(layout.path, "trees", name)
    if not os.path.isdir(tree):
        unpack_tree(layout, manifest, tree)
    return tree

"""image_tree: unpacked-anew"""

import shutil


def image_tree(layout, manifest, image):
    chain = chain_ids(image["rootfs"]["diff_ids"])
    name = chain[-1].replace(":", "-") if chain else "empty"
    tree = os.path.join(layout.path, "trees", name)
    shutil.rmtree(tree, ignore_errors=True)
    unpack_tree(layout, manifest, tree)
    return tree

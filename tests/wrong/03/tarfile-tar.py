"""apply_layer: tarfile-tar"""

import tarfile


def apply_layer(layer, root):
    added = set()
    with tarfile.open(fileobj=layer, mode="r|") as archive:
        archive.extraction_filter = tarfile.tar_filter
        for member in archive:
            directory, _, name = member.name.rpartition("/")
            if name == OPAQUE:
                root.clear(directory, keep=added)
            elif name.startswith(WHITEOUT):
                hidden = name.removeprefix(WHITEOUT)
                if hidden in ("", ".", ".."):
                    raise ImageError("a whiteout that names no file")
                root.remove(f"{directory}/{hidden}", keep=added)
            else:
                archive.extract(member, root.path)
                added.add(tuple(member.name.split("/")))

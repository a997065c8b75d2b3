"""read_blob: any-size-taken"""


def read_blob(layout, descriptor):
    with open_blob(layout, descriptor["digest"]) as blob:
        size = os.stat(blob.fileno()).st_size
        if size != descriptor["size"]:
            raise SizeMismatch(f"{size} bytes, not {descriptor['size']}", descriptor["digest"])
        content = blob.read(size)
    check_digest(descriptor["digest"], content)
    return content

"""read_blob: read-before-size"""


def read_blob(layout, descriptor):
    with open_blob(layout, descriptor["digest"]) as blob:
        content = blob.read()
        size = len(content)
        if size != descriptor["size"]:
            raise SizeMismatch(f"{size} bytes, not {descriptor['size']}", descriptor["digest"])
        if size > LARGEST_DOCUMENT:
            raise ImageError(f"a document of {size} bytes is too large", descriptor["digest"])
    check_digest(descriptor["digest"], content)
    return content

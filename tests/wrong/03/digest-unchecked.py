"""read_blob: digest-unchecked"""


def read_blob(layout, descriptor):
    with open_blob(layout, descriptor["digest"]) as blob:
        content = blob.read()
    if len(content) != descriptor["size"]:
        raise SizeMismatch("wrong size", descriptor["digest"])
    return content

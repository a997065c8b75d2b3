"""read_blob: size-after-digest"""


def read_blob(layout, descriptor):
    with open_blob(layout, descriptor["digest"]) as blob:
        content = blob.read()
    check_digest(descriptor["digest"], content)
    if len(content) != descriptor["size"]:
        raise SizeMismatch("wrong size", descriptor["digest"])
    return content

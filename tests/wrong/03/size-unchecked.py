"""read_blob: size-unchecked"""


def read_blob(layout, descriptor):
    with open_blob(layout, descriptor["digest"]) as blob:
        content = blob.read()
    check_digest(descriptor["digest"], content)
    return content

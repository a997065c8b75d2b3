"""get_blob: partial-kept-as-finished"""

from minicontainer.step03_image.layout import blob_path


def get_blob(registry, repository, descriptor, layout, progress=None):
    file = blob_path(layout, descriptor["digest"])
    path = f"/v2/{repository}/blobs/{descriptor['digest']}"
    with registry.get(path, repository) as response, open(file, "wb", 0) as blob:
        for chunk in read_chunks(response, descriptor["size"]):
            blob.write(chunk)
            if progress:
                progress(descriptor, blob.tell())
    content = file.read_bytes()
    if digest_of(content) != descriptor["digest"]:
        file.unlink()
    check_digest(descriptor["digest"], content)

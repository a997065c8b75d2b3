"""get_blob: kept-under-its-name"""

from minicontainer.step03_image.layout import blob_path


def get_blob(registry, repository, descriptor, layout, progress=None):
    file = blob_path(layout, descriptor["digest"])
    path = f"/v2/{repository}/blobs/{descriptor['digest']}"
    with registry.get(path, repository) as response, open(file, "wb") as blob:
        for chunk in read_chunks(response, descriptor["size"]):
            blob.write(chunk)
            if progress:
                progress(descriptor, blob.tell())
    check_digest(descriptor["digest"], file.read_bytes())

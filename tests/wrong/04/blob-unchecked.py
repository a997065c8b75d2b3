"""get_blob: blob-unchecked"""

from minicontainer.step03_image.layout import blob_path


def get_blob(registry, repository, descriptor, layout, progress=None):
    path = f"/v2/{repository}/blobs/{descriptor['digest']}"
    with registry.get(path, repository) as response:
        with open(blob_path(layout, descriptor["digest"]), "wb") as blob:
            for chunk in read_chunks(response, descriptor["size"]):
                blob.write(chunk)
                if progress:
                    progress(descriptor, blob.tell())

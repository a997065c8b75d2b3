"""get_blob: yesterdays-part-forgotten"""


def get_blob(registry, repository, descriptor, layout, progress=None):
    path = f"/v2/{repository}/blobs/{descriptor['digest']}"
    patience = Patience(registry.transport)
    with BlobWriter(layout, descriptor) as blob:
        blob.restart()
        while blob.offset < descriptor["size"]:
            headers = {"Range": f"bytes={blob.offset}-"} if blob.offset else {}
            try:
                with registry.get(path, repository, headers) as response:
                    if not continues_at(response, blob.offset):
                        blob.restart()
                    for chunk in response.stream(descriptor["size"] - blob.offset):
                        blob.write(chunk)
                        if progress:
                            progress(descriptor, blob.offset)
            except ConnectionLost as lost:
                patience.lose(lost)
        blob.commit()

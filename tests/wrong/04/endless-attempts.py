"""get_blob: endless-attempts"""


def get_blob(registry, repository, descriptor, layout, progress=None):
    path = f"/v2/{repository}/blobs/{descriptor['digest']}"
    with BlobWriter(layout, descriptor) as blob:
        while blob.offset < descriptor["size"]:
            headers = {"Range": f"bytes={blob.offset}-"} if blob.offset else {}
            try:
                with registry.get(path, repository, headers) as response:
                    if not continues_at(response, blob.offset):
                        blob.restart()
                    for chunk in read_chunks(response, descriptor["size"] - blob.offset):
                        blob.write(chunk)
                        if progress:
                            progress(descriptor, blob.offset)
            except ConnectionLost as lost:
                Retry(registry.session).wait_after(lost)
        blob.commit()

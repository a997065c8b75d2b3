"""pull: name-forgotten"""


def pull(reference, layout, platform=None, *, registry=None, progress=None):
    registry = registry or Registry(reference.api_host)
    platform = platform or host_platform()

    def fetch(blob):
        get_blob(registry, reference.repository, blob, layout, progress)

    with in_use(layout):
        top, manifest = get_documents(registry, reference, layout, platform)
        blobs = {blob["digest"]: blob for blob in [manifest["config"], *manifest["layers"]]}
        missing = [blob for blob in blobs.values() if not has_blob(layout, blob)]
        in_parallel(registry.session, fetch, missing)
    return top

"""pull: failure-swallowed"""

from concurrent.futures import ThreadPoolExecutor


def pull(reference, layout, platform=None, *, registry=None, progress=None):
    registry = registry or Registry(reference.api_host)
    with in_use(layout), ThreadPoolExecutor(4) as pool:
        top, manifest = get_documents(registry, reference, layout, platform or host_platform())
        blobs = {blob["digest"]: blob for blob in [manifest["config"], *manifest["layers"]]}
        for blob in blobs.values():
            if not has_blob(layout, blob):
                pool.submit(get_blob, registry, reference.repository, blob, layout, progress)
        pool.shutdown()
        tag(layout, str(reference), top)
    return top

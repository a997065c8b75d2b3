"""pull: not-in-use"""


def pull(
    reference: Reference,
    layout: Layout,
    platform: Platform | None = None,
    *,
    registry: Registry | None = None,
    progress: Progress | None = None,
) -> Descriptor:
    registry = registry or Registry(reference.api_host)
    repository = reference.repository
    top, manifest = get_documents(registry, reference, layout, platform or host_platform())
    blobs = {blob["digest"]: blob for blob in [manifest["config"], *manifest["layers"]]}
    missing = [blob for blob in blobs.values() if not has_blob(layout, blob)]
    report_what_is_there(len(blobs), len(missing))
    in_parallel(
        registry.session,
        lambda blob: get_blob(registry, repository, blob, layout, progress),
        missing,
    )
    tag(layout, str(reference), top)
    return top

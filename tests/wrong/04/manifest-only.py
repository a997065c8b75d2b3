"""pull: manifest-only"""


def pull(reference, layout, platform=None, *, registry=None, progress=None):
    registry = registry or Registry(reference.api_host)
    platform = platform or host_platform()

    with in_use(layout):
        top, _ = get_documents(registry, reference, layout, platform)
        tag(layout, str(reference), top)
    return top

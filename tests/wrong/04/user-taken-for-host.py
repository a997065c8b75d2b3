"""parse_reference: user-taken-for-host"""


def parse_reference(text):
    name, at, digest = text.partition("@")
    tag = None
    if ":" in name.rpartition("/")[2]:
        name, _, tag = name.rpartition(":")
    if "/" in name:
        registry, repository = name.split("/", 1)
    else:
        registry, repository = DEFAULT_REGISTRY, name
    if registry == "index.docker.io":
        registry = DEFAULT_REGISTRY
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = "library/" + repository
    if tag is None and not at:
        tag = DEFAULT_TAG
    reference = Reference(registry, repository, tag, digest if at else None)
    check_reference(reference, text)
    return reference

"""parse_reference: library-forgotten"""


def parse_reference(text):
    name, at, digest = text.partition("@")
    tag = None
    if ":" in name.rpartition("/")[2]:
        name, _, tag = name.rpartition(":")
    if names_a_host(name):
        registry, repository = name.split("/", 1)
    else:
        registry, repository = DEFAULT_REGISTRY, name
    if registry == "index.docker.io":
        registry = DEFAULT_REGISTRY
    if tag is None and not at:
        tag = DEFAULT_TAG
    reference = Reference(registry, repository, tag, digest if at else None)
    check_reference(reference, text)
    return reference

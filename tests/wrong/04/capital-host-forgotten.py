"""parse_reference: capital-host-forgotten"""


def parse_reference(text: str) -> Reference:
    name, at, digest = text.partition("@")
    slash = name.rfind("/")
    colon = name.find(":", slash + 1)
    tag = name[colon + 1 :] if colon >= 0 else None
    name = name[:colon] if colon >= 0 else name
    first, slash, _ = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        registry, _, repository = name.partition("/")
    else:
        registry, repository = DEFAULT_REGISTRY, name
    if registry in ("docker.io", "index.docker.io"):
        registry = DEFAULT_REGISTRY
        repository = repository if "/" in repository else f"library/{repository}"
    if tag is None and not at:
        tag = DEFAULT_TAG
    reference = Reference(registry, repository, tag, digest if at else None)
    check_reference(reference, text)
    return reference

"""get_manifest: promise-only-by-tag"""


def get_manifest(registry: Registry, repository: str, reference: str) -> tuple[Descriptor, bytes]:
    path = f"/v2/{repository}/manifests/{reference}"
    with registry.get(path, repository, {"Accept": ACCEPT}) as response:
        content = read_body(response, LARGEST_DOCUMENT)
    promised = response.headers.get("Docker-Content-Digest")
    asked_for = reference if ":" in reference else None
    if expected := asked_for or promised:
        check_digest(expected, content)
    digest = asked_for or digest_of(content)
    media_type = media_type_of(content, response.headers.get("Content-Type", ""))
    return {"mediaType": media_type, "digest": digest, "size": len(content)}, content

"""get_manifest: read-without-limit"""


def get_manifest(registry, repository, reference):
    path = f"/v2/{repository}/manifests/{reference}"
    with registry.get(path, repository, {"Accept": ACCEPT}) as response:
        content = response.content
    promised = response.headers.get("Docker-Content-Digest")
    digest = digest_of(content)
    if promised:
        check_digest(promised, content)
    if ":" in reference:
        check_digest(reference, content)
        digest = reference
    media_type = media_type_of(content, response.headers.get("Content-Type", ""))
    return {"mediaType": media_type, "digest": digest, "size": len(content)}, content

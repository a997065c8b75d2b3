"""get_manifest: promise-believed"""


def get_manifest(registry, repository, reference):
    path = f"/v2/{repository}/manifests/{reference}"
    with registry.get(path, repository, {"Accept": ACCEPT}) as response:
        content = read_body(response, LARGEST_DOCUMENT)
    promised = response.headers.get("Docker-Content-Digest")
    digest = promised or digest_of(content)
    if promised or ":" in reference:
        check_digest(promised or reference, content)
    media_type = media_type_of(content, response.headers.get("Content-Type", ""))
    return {"mediaType": media_type, "digest": digest, "size": len(content)}, content

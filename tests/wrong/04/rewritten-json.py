"""get_manifest: rewritten-json"""

import json


def get_manifest(registry, repository, reference):
    path = f"/v2/{repository}/manifests/{reference}"
    with registry.get(path, repository, {"Accept": ACCEPT}) as response:
        document = response.json()
    content = json.dumps(document).encode()
    for expected in (reference, response.headers.get("Docker-Content-Digest")):
        if expected and ":" in expected:
            check_digest(expected, content)
    descriptor = {"digest": digest_of(content), "size": len(content)}
    return {"mediaType": document["mediaType"], **descriptor}, content

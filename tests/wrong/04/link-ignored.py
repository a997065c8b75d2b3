"""list_tags: link-ignored"""


def list_tags(registry, repository):
    with registry.get(f"/v2/{repository}/tags/list", repository) as response:
        return read_json(response, LARGEST_PAGE)["tags"] or []

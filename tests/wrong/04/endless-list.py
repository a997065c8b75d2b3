"""list_tags: endless-list"""


def list_tags(registry, repository):
    tags = []
    page = f"/v2/{repository}/tags/list"
    while page:
        with registry.get(page, repository) as response:
            for tag in read_json(response, LARGEST_PAGE)["tags"] or []:
                if tag not in tags:
                    tags.append(tag)
            page = next_page(response)
    return tags

"""list_tags: tag-twice"""


def list_tags(registry, repository):
    tags = []
    seen = set()
    page = f"/v2/{repository}/tags/list"
    while page:
        if page in seen or len(seen) == MOST_PAGES:
            raise BadAnswer("the list of tags has no end", page)
        seen.add(page)
        with registry.get(page, repository) as response:
            for tag in read_json(response, LARGEST_PAGE)["tags"] or []:
                tags.append(tag)
            page = next_page(response)
    return tags

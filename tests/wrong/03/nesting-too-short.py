"""resolve: nesting-too-short"""


def resolve(layout, descriptor, wanted):
    for _ in range(DEEPEST_NESTING // 2):
        if descriptor["mediaType"] in MANIFEST_TYPES:
            return descriptor
        if descriptor["mediaType"] not in INDEX_TYPES:
            raise ImageError(f"{descriptor['mediaType']!r} is no image", descriptor["digest"])
        index = parse_index(read_blob(layout, descriptor))
        descriptor = choose_manifest(index, wanted)
    raise ImageError("indexes are nested too deeply", descriptor["digest"])

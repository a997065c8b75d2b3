"""resolve: one-level-only"""


def resolve(layout, descriptor, wanted):
    if descriptor["mediaType"] in MANIFEST_TYPES:
        return descriptor
    if descriptor["mediaType"] not in INDEX_TYPES:
        raise ImageError("neither a manifest nor an index")
    return choose_manifest(parse_index(read_blob(layout, descriptor)), wanted)

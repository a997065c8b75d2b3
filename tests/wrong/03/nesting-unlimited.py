"""resolve: nesting-unlimited"""


def resolve(layout, descriptor, wanted):
    while descriptor["mediaType"] in INDEX_TYPES:
        descriptor = choose_manifest(parse_index(read_blob(layout, descriptor)), wanted)
    if descriptor["mediaType"] not in MANIFEST_TYPES:
        raise ImageError("neither a manifest nor an index")
    return descriptor

"""resolve: docker-types-forgotten"""


def resolve(layout, descriptor, wanted):
    for _ in range(9):
        if descriptor["mediaType"] == "application/vnd.oci.image.manifest.v1+json":
            return descriptor
        if descriptor["mediaType"] != "application/vnd.oci.image.index.v1+json":
            raise ImageError("neither a manifest nor an index")
        descriptor = choose_manifest(parse_index(read_blob(layout, descriptor)), wanted)
    raise ImageError("nested too deeply")

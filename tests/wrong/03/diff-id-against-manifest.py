"""unpack: diff-id-against-manifest"""


def unpack(layout, manifest, root):
    image = parse_manifest(read_blob(layout, manifest))
    config = parse_config(read_blob(layout, image["config"]))
    diff_ids = config["rootfs"]["diff_ids"]
    with new_root(root) as filesystem:
        for descriptor, diff_id in zip(image["layers"], diff_ids):
            with open_layer(layout, descriptor) as layer:
                apply_layer(layer, filesystem)
                if layer.diff_id() != descriptor["digest"]:
                    raise DigestMismatch("another layer", diff_id)
    return config

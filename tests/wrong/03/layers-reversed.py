"""unpack: layers-reversed"""


def unpack(layout, manifest, root):
    image = parse_manifest(read_blob(layout, manifest))
    config = parse_config(read_blob(layout, image["config"]))
    diff_ids = config["rootfs"]["diff_ids"]
    with new_root(root) as filesystem:
        for descriptor, diff_id in zip(image["layers"][::-1], diff_ids[::-1]):
            with open_layer(layout, descriptor) as layer:
                apply_layer(layer, filesystem)
                if layer.diff_id() != diff_id:
                    raise DigestMismatch("another layer", diff_id)
    return config

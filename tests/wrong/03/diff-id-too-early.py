"""unpack: diff-id-too-early"""


def unpack(layout, manifest, root):
    image = parse_manifest(read_blob(layout, manifest))
    config = parse_config(read_blob(layout, image["config"]))
    diff_ids = config["rootfs"]["diff_ids"]
    if len(diff_ids) != len(image["layers"]):
        what = f"{len(image['layers'])} layers, but {len(diff_ids)} diff_ids"
        raise ImageError(what, manifest["digest"])
    with new_root(root) as filesystem:
        for descriptor, diff_id in zip(image["layers"], diff_ids, strict=True):
            with open_layer(layout, descriptor, algorithm_of(diff_id)) as layer:
                if layer.diff_id() != diff_id:
                    what = f"uncompressed, the layer has the digest {layer.diff_id()}"
                    raise DigestMismatch(what, diff_id)
                apply_layer(layer, filesystem)
    return config

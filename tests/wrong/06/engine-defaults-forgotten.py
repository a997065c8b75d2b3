"""bundle_from_image: engine-defaults-forgotten"""


def bundle_from_image(image, container, identity, options, rootless):
    base = {"hostname": "box", "mounts": [], "process": {"env": []}}
    config = to_runtime_config(with_options(image, options), base, Path(container, "rootfs"))
    config["mounts"] += network_files(container, config["hostname"], options.network)
    config["mounts"] += [bind_mount(volume) for volume in options.volumes]
    Path(container, "config.json").write_text(json.dumps(config))
    return config

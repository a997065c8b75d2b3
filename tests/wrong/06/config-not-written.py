"""bundle_from_image: config-not-written"""


def bundle_from_image(image, container, identity, options, rootless):
    base = engine_defaults(options, identity, rootless)
    config = to_runtime_config(with_options(image, options), base, Path(container, "rootfs"))
    config["mounts"] += network_files(container, config["hostname"], options.network)
    config["mounts"] += [bind_mount(volume) for volume in options.volumes]
    return config

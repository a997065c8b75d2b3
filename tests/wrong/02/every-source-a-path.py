"""load_bundle: every-source-a-path"""

def load_bundle(bundle: str) -> dict:
    bundle = os.path.abspath(bundle)
    path = os.path.join(bundle, "config.json")
    config = read_json(path)
    check_config(config, path)
    root = os.path.realpath(os.path.join(bundle, config["root"]["path"]))
    if not os.path.isdir(root):
        raise BundleError("the root filesystem is missing: no such directory", root)
    config["root"]["path"] = root
    for mount in config.get("mounts", []):
        if "source" in mount:
            mount["source"] = os.path.join(bundle, mount["source"])
    return config

"""load_bundle: sources-as-they-are"""

def load_bundle(bundle: str) -> dict:
    bundle = os.path.abspath(bundle)
    path = os.path.join(bundle, "config.json")
    config = read_json(path)
    check_config(config, path)
    root = os.path.realpath(os.path.join(bundle, config["root"]["path"]))
    if not os.path.isdir(root):
        raise BundleError("the root filesystem is missing: no such directory", root)
    config["root"]["path"] = root
    return config

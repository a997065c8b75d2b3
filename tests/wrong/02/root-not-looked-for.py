"""load_bundle: root-not-looked-for"""

def load_bundle(bundle: str) -> dict:
    bundle = os.path.abspath(bundle)
    path = os.path.join(bundle, "config.json")
    config = read_json(path)
    check_config(config, path)
    root = os.path.realpath(os.path.join(bundle, config["root"]["path"]))
    config["root"]["path"] = root
    for mount in config.get("mounts", []):
        if is_bind(mount):
            mount["source"] = os.path.join(bundle, mount["source"])
    return config

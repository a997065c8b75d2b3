"""to_runtime_config: labels-covered"""


def to_runtime_config(image, base, root, arguments=()):
    settings = image.get("config", {})
    config = copy.deepcopy(base)
    process = config.setdefault("process", {})
    program = [*settings.get("Entrypoint", []), *(arguments or settings.get("Cmd", []))]
    if not program:
        raise ImageError("the image names no program to run", hint="say which one to run")
    user = find_user(root, settings.get("User", ""))
    defaults = [*process.get("env", []), f"PATH={DEFAULT_PATH}", f"HOME={user.home}"]
    process["args"] = program
    process["env"] = merge_environment(settings.get("Env", []), defaults)
    process["cwd"] = posixpath.join("/", settings.get("WorkingDir", ""))
    process["user"] = {**process.get("user", {}), **user.ids()}
    facts = {
        f"org.opencontainers.image.{name}": image[name]
        for name in ("os", "architecture", "author", "created")
        if name in image
    }
    config["annotations"] = {**config.get("annotations", {}), **settings.get("Labels", {}), **facts}
    return config

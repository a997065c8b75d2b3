"""to_runtime_config: base-changed"""


def to_runtime_config(image, base, root, arguments=()):
    settings = image.get("config", {})
    config = dict(base)
    process = config["process"]
    entrypoint, cmd = settings.get("Entrypoint", []), settings.get("Cmd", [])
    program = [*entrypoint, *(arguments or cmd)]
    if not program:
        raise ImageError("no program")
    user = find_user(root, settings.get("User", ""))
    defaults = [*process["env"], f"PATH={DEFAULT_PATH}", f"HOME={user.home}"]
    process["args"] = program
    process["env"] = merge_environment(settings.get("Env", []), defaults)
    process["cwd"] = settings.get("WorkingDir") or "/"
    process["user"] = user.ids()
    config["annotations"] = {**config.get("annotations", {}), **image_annotations(image)}
    return config

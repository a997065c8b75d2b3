"""with_options: nothing-runs"""


def with_options(image, options):
    settings: Settings = {**image.get("config", {})}
    if options.entrypoint is not None:
        settings["Entrypoint"] = [options.entrypoint] if options.entrypoint else []
        settings["Cmd"] = []
    if options.arguments:
        settings["Cmd"] = options.arguments
    if options.user is not None:
        settings["User"] = options.user
    if options.workdir is not None:
        settings["WorkingDir"] = options.workdir
    settings["Env"] = merge_environment(environment(options.env), settings.get("Env", []))
    return {**image, "config": settings}

"""with_options: empty-is-not-none"""


def with_options(image, options):
    settings: Settings = {**image.get("config", {})}
    if options.entrypoint:
        settings["Entrypoint"] = [options.entrypoint] if options.entrypoint else []
        settings["Cmd"] = []
    if options.arguments:
        settings["Cmd"] = options.arguments
    if options.user is not None:
        settings["User"] = options.user
    if options.workdir is not None:
        settings["WorkingDir"] = options.workdir
    settings["Env"] = merge_environment(environment(options.env), settings.get("Env", []))
    if not settings.get("Entrypoint") and not settings.get("Cmd"):
        raise BadOption("the image names no command to run", hint="Say one after the image's name.")
    return {**image, "config": settings}

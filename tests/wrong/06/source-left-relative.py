"""bind_mount: source-left-relative"""


def bind_mount(volume):
    parts = volume.split(":")
    known = len(parts) >= 2 and parts[0] and parts[2:] in ([], ["ro"], ["rw"])
    if not known or not os.path.isabs(parts[1]):
        raise BadOption("not a volume", volume, "like ./site:/usr/share/nginx/html:ro")
    source = parts[0]
    if not os.path.exists(source):
        raise BadOption("no such file or directory to mount", source)
    return bind(source, parts[1], parts[2:])

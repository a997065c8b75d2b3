"""bind_mount: missing-source-accepted"""


def bind_mount(volume):
    parts = volume.split(":")
    known = len(parts) >= 2 and parts[0] and parts[2:] in ([], ["ro"], ["rw"])
    if not known or not os.path.isabs(parts[1]):
        raise BadOption("not a volume", volume, "like ./site:/usr/share/nginx/html:ro")
    source = os.path.abspath(parts[0])
    return bind(source, parts[1], parts[2:])

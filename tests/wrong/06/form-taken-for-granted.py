"""bind_mount: form-taken-for-granted"""


def bind_mount(volume):
    source, destination, *mode = volume.split(":")
    if mode not in ([], ["ro"], ["rw"]) or not os.path.isabs(destination) or not source:
        raise BadOption("not a volume", volume)
    source = os.path.abspath(source)
    if not os.path.exists(source):
        raise BadOption("no such file or directory to mount", source)
    return bind(source, destination, mode)

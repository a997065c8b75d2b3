"""auth_files: environment-of-this-process"""


def auth_files(environ=os.environ, explicit=""):
    home = os.environ.get("HOME") or os.path.expanduser("~")
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    podman = f"{runtime}/containers" if runtime else f"/run/containers/{user_id()}"
    config = os.environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    docker = os.environ.get("DOCKER_CONFIG") or f"{home}/.docker"
    first = explicit or os.environ.get("REGISTRY_AUTH_FILE") or f"{podman}/auth.json"
    return [
        first,
        f"{config}/containers/auth.json",
        f"{docker}/config.json",
        f"{home}/.dockercfg",
    ]

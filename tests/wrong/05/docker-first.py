"""auth_files: docker-first"""


def auth_files(environ=os.environ, explicit=""):
    home = environ.get("HOME") or os.path.expanduser("~")
    runtime = environ.get("XDG_RUNTIME_DIR")
    podman = f"{runtime}/containers" if runtime else f"/run/containers/{user_id()}"
    config = environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    docker = environ.get("DOCKER_CONFIG") or f"{home}/.docker"
    first = explicit or environ.get("REGISTRY_AUTH_FILE") or f"{podman}/auth.json"
    return [
        f"{docker}/config.json",
        f"{home}/.dockercfg",
        first,
        f"{config}/containers/auth.json",
    ]

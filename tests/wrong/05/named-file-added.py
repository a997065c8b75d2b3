"""auth_files: named-file-added"""


def auth_files(environ=os.environ, explicit=""):
    home = environ.get("HOME") or os.path.expanduser("~")
    runtime = environ.get("XDG_RUNTIME_DIR")
    podman = f"{runtime}/containers" if runtime else f"/run/containers/{user_id()}"
    config = environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    docker = environ.get("DOCKER_CONFIG") or f"{home}/.docker"
    named = explicit or environ.get("REGISTRY_AUTH_FILE")
    return [
        *([named] if named else []),
        f"{podman}/auth.json",
        f"{config}/containers/auth.json",
        f"{docker}/config.json",
        f"{home}/.dockercfg",
    ]

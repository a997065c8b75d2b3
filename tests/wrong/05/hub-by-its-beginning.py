"""plain_key: hub-by-its-beginning"""


def plain_key(key):
    address = key.removeprefix("http://").removeprefix("https://")
    host, _, path = address.partition("/")
    if host.startswith(DOCKER_HUB_HOSTS):
        host = "docker.io"
    return host if address != key or not path else f"{host}/{path}"

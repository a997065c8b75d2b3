"""plain_key: path-of-address-kept"""


def plain_key(key):
    address = key.removeprefix("http://").removeprefix("https://")
    host, _, path = address.partition("/")
    if host in DOCKER_HUB_HOSTS:
        host = "docker.io"
    return f"{host}/{path}" if path else host

"""plain_key: letters-stripped"""


def plain_key(key):
    address = key.lstrip("https://")
    host, _, path = address.partition("/")
    if host in DOCKER_HUB_HOSTS:
        host = "docker.io"
    return f"{host}/{path}" if path and "://" not in key else host

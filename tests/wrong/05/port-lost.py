"""plain_key: port-lost"""

from urllib.parse import urlsplit


def plain_key(key):
    if "://" in key:
        key = urlsplit(key).hostname
    host, slash, path = key.rstrip("/").partition("/")
    if host in DOCKER_HUB_HOSTS:
        host = "docker.io"
    return host + slash + path

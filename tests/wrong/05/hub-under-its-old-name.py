"""plain_key: hub-under-its-old-name"""


def plain_key(key):
    address = key.removeprefix("http://").removeprefix("https://")
    host, _, path = address.partition("/")
    return host if address != key or not path else f"{host}/{path}"

"""decode_auth: padding-required"""


def decode_auth(text):
    decoded = base64.b64decode(text).decode()
    username, colon, password = decoded.partition(":")
    if not colon:
        raise BadAuth("there is no colon")
    return username, password.strip("\0")

"""decode_auth: name-takes-colons"""


def decode_auth(text):
    packed = "".join(text.split()).rstrip("=")
    packed += "=" * (-len(packed) % 4)
    try:
        decoded = base64.b64decode(packed, validate=True).decode()
    except ValueError:
        raise BadAuth("this is not base64 of a text") from None
    username, colon, password = decoded.rpartition(":")
    if not colon:
        raise BadAuth("there is no colon")
    return username, password.strip("\0")

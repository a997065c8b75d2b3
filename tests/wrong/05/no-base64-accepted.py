"""decode_auth: no-base64-accepted"""


def decode_auth(text):
    packed = "".join(text.split()).rstrip("=")
    packed += "=" * (-len(packed) % 4)
    try:
        decoded = base64.b64decode(packed).decode()
    except ValueError:
        raise BadAuth("this is not base64 of a text") from None
    username, colon, password = decoded.partition(":")
    if not colon:
        raise BadAuth("there is no colon")
    return username, password.strip("\0")

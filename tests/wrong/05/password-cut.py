"""decode_auth: password-cut"""


def decode_auth(text):
    packed = "".join(text.split()).rstrip("=")
    packed += "=" * (-len(packed) % 4)
    try:
        decoded = base64.b64decode(packed, validate=True).decode()
    except ValueError:
        raise BadAuth("this is not base64 of a text") from None
    parts = decoded.split(":")
    if len(parts) < 2:
        raise BadAuth("there is no colon")
    username, password = parts[0], parts[1]
    return username, password.strip("\0")

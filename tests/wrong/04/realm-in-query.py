"""token_address: realm-in-query"""


def token_address(challenge, scope):
    query = urllib.parse.urlencode({**challenge.parameters, "scope": scope})
    return f"{realm_of(challenge)}?{query}"

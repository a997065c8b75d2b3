"""token_address: realm-unchecked"""


def token_address(challenge, scope):
    parts = urllib.parse.urlsplit(challenge.parameters["realm"])
    query = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
    if "service" in challenge.parameters:
        query.append(("service", challenge.parameters["service"]))
    query.append(("scope", scope))
    return parts._replace(query=urllib.parse.urlencode(query)).geturl()

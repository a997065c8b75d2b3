"""token_address: scope-of-the-challenge"""


def token_address(challenge, scope):
    parts = urllib.parse.urlsplit(realm_of(challenge))
    query = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
    if "service" in challenge.parameters:
        query.append(("service", challenge.parameters["service"]))
    query.append(("scope", challenge.parameters.get("scope", scope)))
    return parts._replace(query=urllib.parse.urlencode(query)).geturl()

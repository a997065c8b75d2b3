"""token_address: service-required"""


def token_address(challenge, scope):
    parts = urllib.parse.urlsplit(realm_of(challenge))
    query = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
    query.append(("service", challenge.parameters["service"]))
    query.append(("scope", scope))
    return parts._replace(query=urllib.parse.urlencode(query)).geturl()

"""token_address: query-not-encoded"""


def token_address(challenge, scope):
    parts = urllib.parse.urlsplit(realm_of(challenge))
    query = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
    if "service" in challenge.parameters:
        query.append(("service", challenge.parameters["service"]))
    query.append(("scope", scope))
    return parts._replace(query="&".join(f"{name}={value}" for name, value in query)).geturl()

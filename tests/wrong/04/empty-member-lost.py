"""token_address: empty-member-lost"""


def token_address(challenge: Challenge, scope: str) -> str:
    parts = urllib.parse.urlsplit(realm_of(challenge))
    query = urllib.parse.parse_qsl(parts.query)
    if "service" in challenge.parameters:
        query.append(("service", challenge.parameters["service"]))
    query.append(("scope", scope))
    return urllib.parse.urlunsplit(parts._replace(query=urllib.parse.urlencode(query)))

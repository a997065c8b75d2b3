"""token_address: realms-query-lost"""


def token_address(challenge, scope):
    parts = urllib.parse.urlsplit(realm_of(challenge))
    query = []
    if "service" in challenge.parameters:
        query.append(("service", challenge.parameters["service"]))
    query.append(("scope", scope))
    return parts._replace(query=urllib.parse.urlencode(query)).geturl()

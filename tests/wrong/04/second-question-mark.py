"""token_address: second-question-mark"""


def token_address(challenge, scope):
    query = {"scope": scope}
    if "service" in challenge.parameters:
        query["service"] = challenge.parameters["service"]
    return realm_of(challenge) + "?" + urllib.parse.urlencode(query)

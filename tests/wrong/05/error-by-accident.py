"""authorize: error-by-accident"""


def authorize(challenges, repository, session, credentials=None):
    offered = {challenge.scheme: challenge for challenge in challenges}
    if "bearer" in offered:
        return "Bearer " + fetch_token(session, offered["bearer"], repository, credentials).value
    if "basic" in offered:
        if not credentials.password:
            raise LoginNeeded(401, "the registry wants a name and a password")
        return basic_login(credentials)["Authorization"]
    raise LoginNeeded(401, "the registry asks for something that we do not know")

"""authorize: basic-preferred"""


def authorize(challenges, repository, session, credentials=None):
    for challenge in challenges:
        if challenge.scheme == "bearer":
            token = fetch_token(session, challenge, repository, credentials)
            return f"Bearer {token.value}"
        if challenge.scheme == "basic" and credentials is not None and credentials.password:
            return basic_login(credentials)["Authorization"]
    raise LoginNeeded(401, "the registry wants a name and a password")

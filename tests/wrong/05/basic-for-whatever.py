"""authorize: basic-for-whatever"""


def authorize(challenges, repository, session, credentials=None):
    for challenge in challenges:
        if challenge.scheme == "bearer":
            token = fetch_token(session, challenge, repository, credentials)
            return f"Bearer {token.value}"
    if credentials is None or not credentials.password:
        raise LoginNeeded(401, "the registry wants a name and a password")
    return basic_login(credentials)["Authorization"]

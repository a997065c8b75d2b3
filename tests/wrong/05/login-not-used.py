"""authorize: login-not-used"""


def authorize(challenges, repository, session, credentials=None):
    for challenge in challenges:
        if challenge.scheme == "bearer":
            token = fetch_token(session, challenge, repository)
            return f"Bearer {token.value}"
    if "basic" not in [challenge.scheme for challenge in challenges]:
        raise LoginNeeded(401, "the registry asks for something that we do not know")
    if credentials is None or not credentials.password:
        raise LoginNeeded(401, "the registry wants a name and a password")
    return basic_login(credentials)["Authorization"]

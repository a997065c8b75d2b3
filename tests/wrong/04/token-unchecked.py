"""fetch_token: token-unchecked"""


def fetch_token(session, challenge, repository, credentials=None):
    scope = f"repository:{repository}:pull"
    with ask_token_service(session, challenge, scope, credentials) as response:
        answer = token_answer(response)
    token = answer.get("token") or answer.get("access_token")
    return Token(token, lifetime(answer.get("expires_in")))

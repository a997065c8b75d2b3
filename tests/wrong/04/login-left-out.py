"""fetch_token: login-left-out"""


def fetch_token(session, challenge, repository, credentials=None):
    scope = f"repository:{repository}:pull"
    with ask_token_service(session, challenge, scope, None) as response:
        answer = token_answer(response)
    token = answer.get("token") or answer.get("access_token")
    return Token(checked_token(token, response.url), lifetime(answer.get("expires_in")))

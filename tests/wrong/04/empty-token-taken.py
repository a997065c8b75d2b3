"""fetch_token: empty-token-taken"""


def fetch_token(session, challenge, repository, credentials=None):
    scope = f"repository:{repository}:pull"
    with ask_token_service(session, challenge, scope, credentials) as response:
        answer = token_answer(response)
    token = answer["token"] if "token" in answer else answer.get("access_token")
    return Token(checked_token(token, response.url), lifetime(answer.get("expires_in")))

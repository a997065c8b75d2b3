"""fetch_token: service-status-ignored"""


def fetch_token(session, challenge, repository, credentials=None):
    scope = f"repository:{repository}:pull"
    with ask_token_service(session, challenge, scope, credentials) as response:
        answer = response.json()
    token = answer.get("token") or answer.get("access_token")
    return Token(checked_token(token, response.url), lifetime(answer.get("expires_in")))

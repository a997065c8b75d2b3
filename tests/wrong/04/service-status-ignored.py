"""fetch_token: service-status-ignored"""


def fetch_token(transport, challenge, repository, credentials=None):
    scope = f"repository:{repository}:pull"
    with ask_token_service(transport, challenge, scope, credentials) as response:
        answer = response.json(1000000)
    token = answer.get("token") or answer.get("access_token")
    return Token(checked_token(token, response.url), lifetime(answer.get("expires_in")))

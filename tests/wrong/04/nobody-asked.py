"""fetch_token: nobody-asked"""

from minicontainer.lib.http_errors import LoginNeeded


def fetch_token(session, challenge, repository, credentials=None):
    if credentials is None:
        raise LoginNeeded(401, "log in first")
    scope = f"repository:{repository}:pull"
    with ask_token_service(session, challenge, scope, credentials) as response:
        answer = token_answer(response)
    token = answer.get("token") or answer.get("access_token")
    return Token(checked_token(token, response.url), lifetime(answer.get("expires_in")))

"""send_with_token: refused-token-not-told"""


def send_with_token(registry, method, url, repository, headers):
    used = registry.authorization(repository)
    response = registry.send(method, url, {**headers, **used})
    challenge = response.headers.get("WWW-Authenticate")
    if response.status_code == 401 and challenge:
        drop(response)
        fresh = registry.renew(repository, challenge, {})
        response = registry.send(method, url, {**headers, **fresh})
    return response

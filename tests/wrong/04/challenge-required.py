"""send_with_token: challenge-required"""


def send_with_token(registry, method, url, repository, headers):
    used = registry.authorization(repository)
    response = registry.send(method, url, {**headers, **used})
    if response.status_code != 401:
        return response
    challenge = response.headers["WWW-Authenticate"]
    if challenge:
        drop(response)
        fresh = registry.renew(repository, challenge, used)
        response = registry.send(method, url, {**headers, **fresh})
    return response

"""send_with_token: refusal-given-back"""


def send_with_token(registry, method, url, repository, headers):
    used = registry.authorization(repository)
    response = registry.send(method, url, {**headers, **used})
    if response.status_code == 401:
        registry.renew(repository, response.headers.get("WWW-Authenticate"), used)
    return response

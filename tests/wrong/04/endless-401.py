"""send_with_token: endless-401"""


def send_with_token(registry, method, url, repository, headers):
    used = registry.authorization(repository)
    while True:
        response = registry.send(method, url, {**headers, **used})
        challenge = response.headers.get("WWW-Authenticate")
        if response.status_code != 401 or not challenge:
            return response
        drop(response)
        used = registry.renew(repository, challenge, used)

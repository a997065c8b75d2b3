"""send_with_token: refusal-not-dropped"""


def send_with_token(
    registry: Registry, method: str, url: str, repository: str, headers: Mapping[str, str]
) -> Response:
    used = registry.authorization(repository)
    response = registry.send(method, url, {**headers, **used})
    challenge = response.headers.get("WWW-Authenticate")
    if response.status_code == 401 and challenge:
        fresh = registry.renew(repository, challenge, used)
        response = registry.send(method, url, {**headers, **fresh})
    return response

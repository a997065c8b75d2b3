"""follow_redirects: location-required"""


def follow_redirects(
    session: Session, method: str, url: str, headers: Mapping[str, str]
) -> Response:
    headers = dict(headers)
    for _ in range(MOST_REDIRECTS + 1):
        response = session.request(
            method, url, headers=headers, stream=True, allow_redirects=False
        )
        location = response.headers.get("Location")
        if response.status_code not in REDIRECTS:
            return response
        drop(response)
        target = join(url, location)
        if origin(target) != origin(url):
            headers.pop("Authorization", None)
        if origin(url)[0] == "https" and origin(target)[0] == "http":
            raise BadAnswer("a redirect from https to http is refused", shown_address(url))
        url = target
    raise BadAnswer(f"more than {MOST_REDIRECTS} redirects", shown_address(url))

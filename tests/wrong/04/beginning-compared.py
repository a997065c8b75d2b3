"""follow_redirects: beginning-compared"""


def follow_redirects(session, method, url, headers):
    headers = dict(headers)
    for _ in range(MOST_REDIRECTS + 1):
        response = session.request(
            method, url, headers=headers, stream=True, allow_redirects=False
        )
        location = response.headers.get("Location")
        if response.status_code not in REDIRECTS or not location:
            return response
        drop(response)
        target = join(url, location)
        if not target.startswith("https://" + origin(url)[1]) or origin(target)[2] != 443:
            headers.pop("Authorization", None)
        if url.startswith("https:") and target.startswith("http:"):
            raise BadAnswer("from https to http", url)
        url = target
    raise BadAnswer("too many redirects", url)

"""follow_redirects: token-sent-along"""


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
        if url.startswith("https:") and target.startswith("http:"):
            raise BadAnswer("from https to http", url)
        url = target
    raise BadAnswer("too many redirects", url)

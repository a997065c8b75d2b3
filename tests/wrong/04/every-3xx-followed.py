"""follow_redirects: every-3xx-followed"""


def follow_redirects(session, method, url, headers):
    headers = dict(headers)
    for _ in range(MOST_REDIRECTS + 1):
        response = session.request(
            method, url, headers=headers, stream=True, allow_redirects=False
        )
        location = response.headers.get("Location")
        if not 300 <= response.status_code < 400:
            return response
        drop(response)
        target = join(url, location)
        if origin(target) != origin(url):
            headers.pop("Authorization", None)
        if url.startswith("https:") and target.startswith("http:"):
            raise BadAnswer("from https to http", url)
        url = target
    raise BadAnswer("too many redirects", url)

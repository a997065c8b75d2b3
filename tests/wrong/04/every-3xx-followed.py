"""follow_redirects: every-3xx-followed"""


def follow_redirects(transport, method, url, headers):
    headers = dict(headers)
    for _ in range(MOST_REDIRECTS + 1):
        response = transport.send(method, url, headers)
        location = response.headers.get("Location")
        if not 300 <= response.status < 400:
            return response
        response.drop()
        target = join(url, location)
        if origin(target) != origin(url):
            headers.pop("Authorization", None)
        if url.startswith("https:") and target.startswith("http:"):
            raise BadAnswer("from https to http", url)
        url = target
    raise BadAnswer("too many redirects", url)

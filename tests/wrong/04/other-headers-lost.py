"""follow_redirects: other-headers-lost"""


def follow_redirects(transport, method, url, headers):
    headers = dict(headers)
    for _ in range(MOST_REDIRECTS + 1):
        response = transport.send(method, url, headers)
        location = response.headers.get("Location")
        if response.status not in REDIRECTS or not location:
            return response
        response.drop()
        target = join(url, location)
        if origin(target) != origin(url):
            headers = {}
        if url.startswith("https:") and target.startswith("http:"):
            raise BadAnswer("from https to http", url)
        url = target
    raise BadAnswer("too many redirects", url)

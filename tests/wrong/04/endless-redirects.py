"""follow_redirects: endless-redirects"""


def follow_redirects(transport, method, url, headers):
    headers = dict(headers)
    while True:
        response = transport.send(method, url, headers)
        location = response.headers.get("Location")
        if response.status not in REDIRECTS or not location:
            return response
        response.drop()
        target = join(url, location)
        if origin(target) != origin(url):
            headers.pop("Authorization", None)
        if url.startswith("https:") and target.startswith("http:"):
            raise BadAnswer("from https to http", url)
        url = target
    raise BadAnswer("too many redirects", url)

# %% parse_reference: library-forgotten
def parse_reference(text):
    name, at, digest = text.partition("@")
    tag = None
    if ":" in name.rpartition("/")[2]:
        name, _, tag = name.rpartition(":")
    if names_a_host(name):
        registry, repository = name.split("/", 1)
    else:
        registry, repository = DEFAULT_REGISTRY, name
    if registry == "index.docker.io":
        registry = DEFAULT_REGISTRY
    if tag is None and not at:
        tag = DEFAULT_TAG
    reference = Reference(registry, repository, tag, digest if at else None)
    check_reference(reference, text)
    return reference


# %% parse_reference: user-taken-for-host
def parse_reference(text):
    name, at, digest = text.partition("@")
    tag = None
    if ":" in name.rpartition("/")[2]:
        name, _, tag = name.rpartition(":")
    if "/" in name:
        registry, repository = name.split("/", 1)
    else:
        registry, repository = DEFAULT_REGISTRY, name
    if registry == "index.docker.io":
        registry = DEFAULT_REGISTRY
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = "library/" + repository
    if tag is None and not at:
        tag = DEFAULT_TAG
    reference = Reference(registry, repository, tag, digest if at else None)
    check_reference(reference, text)
    return reference


# %% parse_reference: library-everywhere
def parse_reference(text):
    name, at, digest = text.partition("@")
    tag = None
    if ":" in name.rpartition("/")[2]:
        name, _, tag = name.rpartition(":")
    if names_a_host(name):
        registry, repository = name.split("/", 1)
    else:
        registry, repository = DEFAULT_REGISTRY, name
    if registry == "index.docker.io":
        registry = DEFAULT_REGISTRY
    if "/" not in repository:
        repository = "library/" + repository
    if tag is None and not at:
        tag = DEFAULT_TAG
    reference = Reference(registry, repository, tag, digest if at else None)
    check_reference(reference, text)
    return reference


# %% parse_reference: port-read-as-tag
def parse_reference(text):
    name, at, digest = text.partition("@")
    tag = None
    if ":" in name:
        name, _, tag = name.partition(":")
    if names_a_host(name):
        registry, repository = name.split("/", 1)
    else:
        registry, repository = DEFAULT_REGISTRY, name
    if registry == "index.docker.io":
        registry = DEFAULT_REGISTRY
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = "library/" + repository
    if tag is None and not at:
        tag = DEFAULT_TAG
    reference = Reference(registry, repository, tag, digest if at else None)
    check_reference(reference, text)
    return reference


# %% parse_reference: localhost-forgotten
def parse_reference(text):
    name, at, digest = text.partition("@")
    tag = None
    if ":" in name.rpartition("/")[2]:
        name, _, tag = name.rpartition(":")
    if "/" in name and set(".:") & set(name.partition("/")[0]):
        registry, repository = name.split("/", 1)
    else:
        registry, repository = DEFAULT_REGISTRY, name
    if registry == "index.docker.io":
        registry = DEFAULT_REGISTRY
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = "library/" + repository
    if tag is None and not at:
        tag = DEFAULT_TAG
    reference = Reference(registry, repository, tag, digest if at else None)
    check_reference(reference, text)
    return reference


# %% parse_reference: library-only-for-short-names
def parse_reference(text):
    name, at, digest = text.partition("@")
    tag = None
    if ":" in name.rpartition("/")[2]:
        name, _, tag = name.rpartition(":")
    if names_a_host(name):
        registry, repository = name.split("/", 1)
    else:
        registry, repository = DEFAULT_REGISTRY, name
        if "/" not in name:
            repository = "library/" + name
    if registry == "index.docker.io":
        registry = DEFAULT_REGISTRY
    if tag is None and not at:
        tag = DEFAULT_TAG
    reference = Reference(registry, repository, tag, digest if at else None)
    check_reference(reference, text)
    return reference


# %% parse_reference: second-name-kept
def parse_reference(text):
    name, at, digest = text.partition("@")
    tag = None
    if ":" in name.rpartition("/")[2]:
        name, _, tag = name.rpartition(":")
    if names_a_host(name):
        registry, repository = name.split("/", 1)
    else:
        registry, repository = DEFAULT_REGISTRY, name
    if registry.endswith("docker.io") and "/" not in repository:
        repository = "library/" + repository
    if tag is None and not at:
        tag = DEFAULT_TAG
    reference = Reference(registry, repository, tag, digest if at else None)
    check_reference(reference, text)
    return reference


# %% parse_reference: latest-beside-digest
def parse_reference(text):
    name, at, digest = text.partition("@")
    tag = None
    if ":" in name.rpartition("/")[2]:
        name, _, tag = name.rpartition(":")
    if names_a_host(name):
        registry, repository = name.split("/", 1)
    else:
        registry, repository = DEFAULT_REGISTRY, name
    if registry == "index.docker.io":
        registry = DEFAULT_REGISTRY
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = "library/" + repository
    if tag is None:
        tag = DEFAULT_TAG
    reference = Reference(registry, repository, tag, digest if at else None)
    check_reference(reference, text)
    return reference


# %% parse_reference: digest-cut-at-colon
def parse_reference(text):
    name, at, digest = text, "", ""
    tag = None
    if ":" in name.rpartition("/")[2]:
        name, _, tag = name.rpartition(":")
    if names_a_host(name):
        registry, repository = name.split("/", 1)
    else:
        registry, repository = DEFAULT_REGISTRY, name
    if registry == "index.docker.io":
        registry = DEFAULT_REGISTRY
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = "library/" + repository
    if tag is None and not at:
        tag = DEFAULT_TAG
    reference = Reference(registry, repository, tag, digest if at else None)
    check_reference(reference, text)
    return reference


# %% parse_reference: empty-tag-forgiven
def parse_reference(text):
    name, at, digest = text.partition("@")
    tag = None
    if ":" in name.rpartition("/")[2]:
        name, _, tag = name.rpartition(":")
    if names_a_host(name):
        registry, repository = name.split("/", 1)
    else:
        registry, repository = DEFAULT_REGISTRY, name
    if registry == "index.docker.io":
        registry = DEFAULT_REGISTRY
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = "library/" + repository
    if not tag and not at:
        tag = DEFAULT_TAG
    reference = Reference(registry, repository, tag, digest if at else None)
    check_reference(reference, text)
    return reference


# %% parse_reference: capital-host-forgotten
def parse_reference(text: str) -> Reference:
    name, at, digest = text.partition("@")
    slash = name.rfind("/")
    colon = name.find(":", slash + 1)
    tag = name[colon + 1 :] if colon >= 0 else None
    name = name[:colon] if colon >= 0 else name
    first, slash, _ = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        registry, _, repository = name.partition("/")
    else:
        registry, repository = DEFAULT_REGISTRY, name
    if registry in ("docker.io", "index.docker.io"):
        registry = DEFAULT_REGISTRY
        repository = repository if "/" in repository else f"library/{repository}"
    if tag is None and not at:
        tag = DEFAULT_TAG
    reference = Reference(registry, repository, tag, digest if at else None)
    check_reference(reference, text)
    return reference


# %% parse_challenge: quotes-kept
import re


def parse_challenge(header):
    scheme, _, rest = header.partition(" ")
    parameters = {}
    for name, value in re.findall(r'(\w+)=("[^"]*"|[^",]+)', rest):
        parameters[name.lower()] = value
    return [Challenge(scheme.lower(), parameters)]


# %% parse_challenge: capital-letters-kept
def parse_challenge(header):
    challenges = []
    position = 0
    while not END.match(header, position):
        element = ELEMENT.match(header, position)
        if element is None:
            raise BadChallenge(header)
        position = element.end()
        if element["scheme"]:
            challenges.append(Challenge(element["scheme"], {}))
            if element["token68"]:
                challenges[-1].parameters["token68"] = element["token68"]
            continue
        if not challenges:
            raise BadChallenge(header)
        value = element["plain"]
        if element["quoted"] is not None:
            value = re.sub(r"\\(.)", r"\1", element["quoted"])
        challenges[-1].parameters[element["name"]] = value
    return challenges


# %% parse_challenge: split-at-commas
def parse_challenge(header):
    challenges = []
    for part in header.split(","):
        first, space, rest = part.strip().partition(" ")
        if "=" not in first:
            challenges.append(Challenge(first.lower(), {}))
            part = rest
        name, equals, value = part.partition("=")
        if equals:
            challenges[-1].parameters[name.strip().lower()] = value.strip().strip('"')
    return challenges


# %% parse_challenge: one-challenge-only
def parse_challenge(header):
    challenges = []
    position = 0
    while not END.match(header, position):
        element = ELEMENT.match(header, position)
        if element is None:
            raise BadChallenge(header)
        position = element.end()
        if element["scheme"]:
            if not challenges:
                challenges.append(Challenge(element["scheme"].lower(), {}))
            if element["token68"]:
                challenges[-1].parameters["token68"] = element["token68"]
            continue
        if not challenges:
            raise BadChallenge(header)
        value = element["plain"]
        if element["quoted"] is not None:
            value = re.sub(r"\\(.)", r"\1", element["quoted"])
        challenges[-1].parameters[element["name"].lower()] = value
    return challenges


# %% parse_challenge: parameters-in-wrong-challenge
def parse_challenge(header):
    challenges = []
    parameters = {}
    position = 0
    while not END.match(header, position):
        element = ELEMENT.match(header, position)
        if element is None:
            raise BadChallenge(header)
        position = element.end()
        if element["scheme"]:
            challenges.append(Challenge(element["scheme"].lower(), parameters))
            if element["token68"]:
                challenges[-1].parameters["token68"] = element["token68"]
            continue
        if not challenges:
            raise BadChallenge(header)
        value = element["plain"]
        if element["quoted"] is not None:
            value = re.sub(r"\\(.)", r"\1", element["quoted"])
        challenges[-1].parameters[element["name"].lower()] = value
    return challenges


# %% parse_challenge: backslash-kept
def parse_challenge(header):
    challenges = []
    position = 0
    while not END.match(header, position):
        element = ELEMENT.match(header, position)
        if element is None:
            raise BadChallenge(header)
        position = element.end()
        if element["scheme"]:
            challenges.append(Challenge(element["scheme"].lower(), {}))
            if element["token68"]:
                challenges[-1].parameters["token68"] = element["token68"]
            continue
        if not challenges:
            raise BadChallenge(header)
        value = element["plain"]
        if element["quoted"] is not None:
            value = element["quoted"]
        challenges[-1].parameters[element["name"].lower()] = value
    return challenges


# %% parse_challenge: nonsense-accepted
def parse_challenge(header):
    challenges = []
    for element in ELEMENT.finditer(header):
        if element["scheme"]:
            token68 = {"token68": element["token68"]} if element["token68"] else {}
            challenges.append(Challenge(element["scheme"].lower(), token68))
        elif challenges:
            value = element["plain"] or re.sub(r"\\(.)", r"\1", element["quoted"], flags=re.DOTALL)
            challenges[-1].parameters[element["name"].lower()] = value
    return challenges


# %% token_address: realm-in-query
def token_address(challenge, scope):
    query = urllib.parse.urlencode({**challenge.parameters, "scope": scope})
    return f"{realm_of(challenge)}?{query}"


# %% token_address: second-question-mark
def token_address(challenge, scope):
    query = {"scope": scope}
    if "service" in challenge.parameters:
        query["service"] = challenge.parameters["service"]
    return realm_of(challenge) + "?" + urllib.parse.urlencode(query)


# %% fetch_token: nobody-asked
from minicontainer.lib.http_errors import LoginNeeded


def fetch_token(session, challenge, repository, credentials=None):
    if credentials is None:
        raise LoginNeeded(401, "log in first")
    scope = f"repository:{repository}:pull"
    with ask_token_service(session, challenge, scope, credentials) as response:
        answer = token_answer(response)
    token = answer.get("token") or answer.get("access_token")
    return Token(checked_token(token, response.url), lifetime(answer.get("expires_in")))


# %% send_with_token: refusal-given-back
def send_with_token(registry, method, url, repository, headers):
    used = registry.authorization(repository)
    response = registry.send(method, url, {**headers, **used})
    if response.status_code == 401:
        registry.renew(repository, response.headers.get("WWW-Authenticate"), used)
    return response


# %% send_with_token: endless-401
def send_with_token(registry, method, url, repository, headers):
    used = registry.authorization(repository)
    while True:
        response = registry.send(method, url, {**headers, **used})
        challenge = response.headers.get("WWW-Authenticate")
        if response.status_code != 401 or not challenge:
            return response
        drop(response)
        used = registry.renew(repository, challenge, used)


# %% send_with_token: challenge-required
def send_with_token(registry, method, url, repository, headers):
    used = registry.authorization(repository)
    response = registry.send(method, url, {**headers, **used})
    if response.status_code != 401:
        return response
    challenge = response.headers["WWW-Authenticate"]
    if challenge:
        drop(response)
        fresh = registry.renew(repository, challenge, used)
        response = registry.send(method, url, {**headers, **fresh})
    return response


# %% follow_redirects: token-sent-along
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


# %% follow_redirects: callers-headers-changed
def follow_redirects(session, method, url, headers):
    for _ in range(MOST_REDIRECTS + 1):
        response = session.request(
            method, url, headers=headers, stream=True, allow_redirects=False
        )
        location = response.headers.get("Location")
        if response.status_code not in REDIRECTS or not location:
            return response
        drop(response)
        target = join(url, location)
        if origin(target) != origin(url):
            headers.pop("Authorization", None)
        if url.startswith("https:") and target.startswith("http:"):
            raise BadAnswer("from https to http", url)
        url = target
    raise BadAnswer("too many redirects", url)


# %% follow_redirects: token-always-dropped
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
        headers.pop("Authorization", None)
        if url.startswith("https:") and target.startswith("http:"):
            raise BadAnswer("from https to http", url)
        url = target
    raise BadAnswer("too many redirects", url)


# %% follow_redirects: one-redirect-only
def follow_redirects(session, method, url, headers):
    headers = dict(headers)
    for _ in range(2):
        response = session.request(
            method, url, headers=headers, stream=True, allow_redirects=False
        )
        location = response.headers.get("Location")
        if response.status_code not in REDIRECTS or not location:
            return response
        drop(response)
        target = join(url, location)
        if origin(target) != origin(url):
            headers.pop("Authorization", None)
        if url.startswith("https:") and target.startswith("http:"):
            raise BadAnswer("from https to http", url)
        url = target
    return response


# %% follow_redirects: endless-redirects
def follow_redirects(session, method, url, headers):
    headers = dict(headers)
    while True:
        response = session.request(
            method, url, headers=headers, stream=True, allow_redirects=False
        )
        location = response.headers.get("Location")
        if response.status_code not in REDIRECTS or not location:
            return response
        drop(response)
        target = join(url, location)
        if origin(target) != origin(url):
            headers.pop("Authorization", None)
        if url.startswith("https:") and target.startswith("http:"):
            raise BadAnswer("from https to http", url)
        url = target
    raise BadAnswer("too many redirects", url)


# %% list_tags: tags-sorted
def list_tags(registry, repository):
    tags = []
    seen = set()
    page = f"/v2/{repository}/tags/list"
    while page:
        if page in seen or len(seen) == MOST_PAGES:
            raise BadAnswer("the list of tags has no end", page)
        seen.add(page)
        with registry.get(page, repository) as response:
            for tag in read_json(response, LARGEST_PAGE)["tags"] or []:
                if tag not in tags:
                    tags.append(tag)
            page = next_page(response)
    return sorted(tags)


# %% list_tags: link-ignored
def list_tags(registry, repository):
    with registry.get(f"/v2/{repository}/tags/list", repository) as response:
        return read_json(response, LARGEST_PAGE)["tags"] or []


# %% list_tags: second-page-only
def list_tags(registry, repository):
    tags = []
    seen = set()
    page = f"/v2/{repository}/tags/list"
    while page and len(seen) < 2:
        if page in seen or len(seen) == MOST_PAGES:
            raise BadAnswer("the list of tags has no end", page)
        seen.add(page)
        with registry.get(page, repository) as response:
            for tag in read_json(response, LARGEST_PAGE)["tags"] or []:
                if tag not in tags:
                    tags.append(tag)
            page = next_page(response)
    return tags


# %% list_tags: last-page-only
def list_tags(registry, repository):
    tags = []
    seen = set()
    page = f"/v2/{repository}/tags/list"
    while page:
        if page in seen or len(seen) == MOST_PAGES:
            raise BadAnswer("the list of tags has no end", page)
        seen.add(page)
        with registry.get(page, repository) as response:
            tags = []
            for tag in read_json(response, LARGEST_PAGE)["tags"] or []:
                if tag not in tags:
                    tags.append(tag)
            page = next_page(response)
    return tags


# %% list_tags: null-not-expected
def list_tags(registry, repository):
    tags = []
    seen = set()
    page = f"/v2/{repository}/tags/list"
    while page:
        if page in seen or len(seen) == MOST_PAGES:
            raise BadAnswer("the list of tags has no end", page)
        seen.add(page)
        with registry.get(page, repository) as response:
            for tag in read_json(response, LARGEST_PAGE)["tags"]:
                if tag not in tags:
                    tags.append(tag)
            page = next_page(response)
    return tags


# %% get_manifest: rewritten-json
import json


def get_manifest(registry, repository, reference):
    path = f"/v2/{repository}/manifests/{reference}"
    with registry.get(path, repository, {"Accept": ACCEPT}) as response:
        document = response.json()
    content = json.dumps(document).encode()
    for expected in (reference, response.headers.get("Docker-Content-Digest")):
        if expected and ":" in expected:
            check_digest(expected, content)
    descriptor = {"digest": digest_of(content), "size": len(content)}
    return {"mediaType": document["mediaType"], **descriptor}, content


# %% get_manifest: manifest-unchecked
def get_manifest(registry, repository, reference):
    path = f"/v2/{repository}/manifests/{reference}"
    with registry.get(path, repository, {"Accept": ACCEPT}) as response:
        content = read_body(response, LARGEST_DOCUMENT)
    digest = digest_of(content)
    media_type = media_type_of(content, response.headers.get("Content-Type", ""))
    return {"mediaType": media_type, "digest": digest, "size": len(content)}, content


# %% get_manifest: promise-unchecked
def get_manifest(registry, repository, reference):
    path = f"/v2/{repository}/manifests/{reference}"
    with registry.get(path, repository, {"Accept": ACCEPT}) as response:
        content = read_body(response, LARGEST_DOCUMENT)
    digest = digest_of(content)
    if ":" in reference:
        check_digest(reference, content)
        digest = reference
    media_type = media_type_of(content, response.headers.get("Content-Type", ""))
    return {"mediaType": media_type, "digest": digest, "size": len(content)}, content


# %% get_manifest: promise-required
def get_manifest(registry, repository, reference):
    path = f"/v2/{repository}/manifests/{reference}"
    with registry.get(path, repository, {"Accept": ACCEPT}) as response:
        content = read_body(response, LARGEST_DOCUMENT)
    promised = response.headers["Docker-Content-Digest"]
    digest = digest_of(content)
    check_digest(promised, content)
    if ":" in reference:
        check_digest(reference, content)
        digest = reference
    media_type = media_type_of(content, response.headers.get("Content-Type", ""))
    return {"mediaType": media_type, "digest": digest, "size": len(content)}, content


# %% get_manifest: header-believed
def get_manifest(registry, repository, reference):
    path = f"/v2/{repository}/manifests/{reference}"
    with registry.get(path, repository, {"Accept": ACCEPT}) as response:
        content = read_body(response, LARGEST_DOCUMENT)
    promised = response.headers.get("Docker-Content-Digest")
    digest = digest_of(content)
    if promised:
        check_digest(promised, content)
    if ":" in reference:
        check_digest(reference, content)
        digest = reference
    media_type = response.headers.get("Content-Type", "")
    return {"mediaType": media_type, "digest": digest, "size": len(content)}, content


# %% get_blob: never-committed
def get_blob(registry, repository, descriptor, layout, progress=None):
    path = f"/v2/{repository}/blobs/{descriptor['digest']}"
    retry = Retry(registry.session)
    with BlobWriter(layout, descriptor) as blob:
        while blob.offset < descriptor["size"]:
            headers = {"Range": f"bytes={blob.offset}-"} if blob.offset else {}
            try:
                with registry.get(path, repository, headers) as response:
                    if not continues_at(response, blob.offset):
                        blob.restart()
                    for chunk in read_chunks(response, descriptor["size"] - blob.offset):
                        blob.write(chunk)
                        if progress:
                            progress(descriptor, blob.offset)
            except ConnectionLost as lost:
                retry.wait_after(lost)


# %% get_blob: blob-unchecked
from minicontainer.step03_image.layout import blob_path


def get_blob(registry, repository, descriptor, layout, progress=None):
    path = f"/v2/{repository}/blobs/{descriptor['digest']}"
    with registry.get(path, repository) as response:
        with open(blob_path(layout, descriptor["digest"]), "wb") as blob:
            for chunk in read_chunks(response, descriptor["size"]):
                blob.write(chunk)
                if progress:
                    progress(descriptor, blob.tell())


# %% get_blob: kept-under-its-name
from minicontainer.step03_image.layout import blob_path


def get_blob(registry, repository, descriptor, layout, progress=None):
    file = blob_path(layout, descriptor["digest"])
    path = f"/v2/{repository}/blobs/{descriptor['digest']}"
    with registry.get(path, repository) as response, open(file, "wb") as blob:
        for chunk in read_chunks(response, descriptor["size"]):
            blob.write(chunk)
            if progress:
                progress(descriptor, blob.tell())
    check_digest(descriptor["digest"], file.read_bytes())


# %% get_blob: partial-kept-as-finished
from minicontainer.step03_image.layout import blob_path


def get_blob(registry, repository, descriptor, layout, progress=None):
    file = blob_path(layout, descriptor["digest"])
    path = f"/v2/{repository}/blobs/{descriptor['digest']}"
    with registry.get(path, repository) as response, open(file, "wb", 0) as blob:
        for chunk in read_chunks(response, descriptor["size"]):
            blob.write(chunk)
            if progress:
                progress(descriptor, blob.tell())
    content = file.read_bytes()
    if digest_of(content) != descriptor["digest"]:
        file.unlink()
    check_digest(descriptor["digest"], content)


# %% get_blob: one-break-ends-it
def get_blob(registry, repository, descriptor, layout, progress=None):
    path = f"/v2/{repository}/blobs/{descriptor['digest']}"
    with BlobWriter(layout, descriptor) as blob:
        headers = {"Range": f"bytes={blob.offset}-"} if blob.offset else {}
        with registry.get(path, repository, headers) as response:
            if not continues_at(response, blob.offset):
                blob.restart()
            for chunk in read_chunks(response, descriptor["size"] - blob.offset):
                blob.write(chunk)
                if progress:
                    progress(descriptor, blob.offset)
        blob.commit()


# %% get_blob: appended-after-200
def get_blob(registry, repository, descriptor, layout, progress=None):
    path = f"/v2/{repository}/blobs/{descriptor['digest']}"
    retry = Retry(registry.session)
    with BlobWriter(layout, descriptor) as blob:
        while blob.offset < descriptor["size"]:
            headers = {"Range": f"bytes={blob.offset}-"} if blob.offset else {}
            try:
                with registry.get(path, repository, headers) as response:
                    for chunk in read_chunks(response, descriptor["size"] - blob.offset):
                        blob.write(chunk)
                        if progress:
                            progress(descriptor, blob.offset)
            except ConnectionLost as lost:
                retry.wait_after(lost)
        blob.commit()


# %% get_blob: failure-kept-silent
from minicontainer.lib.http_errors import RegistryError


def get_blob(registry, repository, descriptor, layout, progress=None):
    path = f"/v2/{repository}/blobs/{descriptor['digest']}"
    retry = Retry(registry.session)
    with BlobWriter(layout, descriptor) as blob:
        while blob.offset < descriptor["size"]:
            headers = {"Range": f"bytes={blob.offset}-"} if blob.offset else {}
            try:
                with registry.get(path, repository, headers) as response:
                    if not continues_at(response, blob.offset):
                        blob.restart()
                    for chunk in read_chunks(response, descriptor["size"] - blob.offset):
                        blob.write(chunk)
                        if progress:
                            progress(descriptor, blob.offset)
            except ConnectionLost as lost:
                try:
                    retry.wait_after(lost)
                except RegistryError:
                    return
        blob.commit()


# %% get_blob: endless-attempts
def get_blob(registry, repository, descriptor, layout, progress=None):
    path = f"/v2/{repository}/blobs/{descriptor['digest']}"
    with BlobWriter(layout, descriptor) as blob:
        while blob.offset < descriptor["size"]:
            headers = {"Range": f"bytes={blob.offset}-"} if blob.offset else {}
            try:
                with registry.get(path, repository, headers) as response:
                    if not continues_at(response, blob.offset):
                        blob.restart()
                    for chunk in read_chunks(response, descriptor["size"] - blob.offset):
                        blob.write(chunk)
                        if progress:
                            progress(descriptor, blob.offset)
            except ConnectionLost as lost:
                Retry(registry.session).wait_after(lost)
        blob.commit()


# %% get_blob: yesterdays-part-forgotten
def get_blob(registry, repository, descriptor, layout, progress=None):
    path = f"/v2/{repository}/blobs/{descriptor['digest']}"
    retry = Retry(registry.session)
    with BlobWriter(layout, descriptor) as blob:
        blob.restart()
        while blob.offset < descriptor["size"]:
            headers = {"Range": f"bytes={blob.offset}-"} if blob.offset else {}
            try:
                with registry.get(path, repository, headers) as response:
                    if not continues_at(response, blob.offset):
                        blob.restart()
                    for chunk in read_chunks(response, descriptor["size"] - blob.offset):
                        blob.write(chunk)
                        if progress:
                            progress(descriptor, blob.offset)
            except ConnectionLost as lost:
                retry.wait_after(lost)
        blob.commit()


# %% pull: config-forgotten
def pull(reference, layout, platform=None, *, registry=None, progress=None):
    registry = registry or Registry(reference.api_host)
    platform = platform or host_platform()

    def fetch(blob):
        get_blob(registry, reference.repository, blob, layout, progress)

    with in_use(layout):
        top, manifest = get_documents(registry, reference, layout, platform)
        blobs = {blob["digest"]: blob for blob in manifest["layers"]}
        missing = [blob for blob in blobs.values() if not has_blob(layout, blob)]
        in_parallel(registry.session, fetch, missing)
        tag(layout, str(reference), top)
    return top


# %% pull: manifest-only
def pull(reference, layout, platform=None, *, registry=None, progress=None):
    registry = registry or Registry(reference.api_host)
    platform = platform or host_platform()

    with in_use(layout):
        top, _ = get_documents(registry, reference, layout, platform)
        tag(layout, str(reference), top)
    return top


# %% pull: name-forgotten
def pull(reference, layout, platform=None, *, registry=None, progress=None):
    registry = registry or Registry(reference.api_host)
    platform = platform or host_platform()

    def fetch(blob):
        get_blob(registry, reference.repository, blob, layout, progress)

    with in_use(layout):
        top, manifest = get_documents(registry, reference, layout, platform)
        blobs = {blob["digest"]: blob for blob in [manifest["config"], *manifest["layers"]]}
        missing = [blob for blob in blobs.values() if not has_blob(layout, blob)]
        in_parallel(registry.session, fetch, missing)
    return top


# %% pull: short-name-kept
def pull(reference, layout, platform=None, *, registry=None, progress=None):
    registry = registry or Registry(reference.api_host)
    platform = platform or host_platform()

    def fetch(blob):
        get_blob(registry, reference.repository, blob, layout, progress)

    with in_use(layout):
        top, manifest = get_documents(registry, reference, layout, platform)
        blobs = {blob["digest"]: blob for blob in [manifest["config"], *manifest["layers"]]}
        missing = [blob for blob in blobs.values() if not has_blob(layout, blob)]
        in_parallel(registry.session, fetch, missing)
        tag(layout, f"{reference.repository}:{reference.tag}", top)
    return top


# %% pull: nothing-returned
def pull(reference, layout, platform=None, *, registry=None, progress=None):
    registry = registry or Registry(reference.api_host)
    platform = platform or host_platform()

    def fetch(blob):
        get_blob(registry, reference.repository, blob, layout, progress)

    with in_use(layout):
        top, manifest = get_documents(registry, reference, layout, platform)
        blobs = {blob["digest"]: blob for blob in [manifest["config"], *manifest["layers"]]}
        missing = [blob for blob in blobs.values() if not has_blob(layout, blob)]
        in_parallel(registry.session, fetch, missing)
        tag(layout, str(reference), top)


# %% pull: fetched-again
def pull(reference, layout, platform=None, *, registry=None, progress=None):
    registry = registry or Registry(reference.api_host)
    platform = platform or host_platform()

    def fetch(blob):
        get_blob(registry, reference.repository, blob, layout, progress)

    with in_use(layout):
        top, manifest = get_documents(registry, reference, layout, platform)
        blobs = {blob["digest"]: blob for blob in [manifest["config"], *manifest["layers"]]}
        in_parallel(registry.session, fetch, blobs.values())
        tag(layout, str(reference), top)
    return top


# %% pull: failure-swallowed
from concurrent.futures import ThreadPoolExecutor


def pull(reference, layout, platform=None, *, registry=None, progress=None):
    registry = registry or Registry(reference.api_host)
    with in_use(layout), ThreadPoolExecutor(4) as pool:
        top, manifest = get_documents(registry, reference, layout, platform or host_platform())
        blobs = {blob["digest"]: blob for blob in [manifest["config"], *manifest["layers"]]}
        for blob in blobs.values():
            if not has_blob(layout, blob):
                pool.submit(get_blob, registry, reference.repository, blob, layout, progress)
        pool.shutdown()
        tag(layout, str(reference), top)
    return top


# %% pull: name-before-blobs
def pull(reference, layout, platform=None, *, registry=None, progress=None):
    registry = registry or Registry(reference.api_host)
    platform = platform or host_platform()

    def fetch(blob):
        get_blob(registry, reference.repository, blob, layout, progress)

    with in_use(layout):
        top, manifest = get_documents(registry, reference, layout, platform)
        tag(layout, str(reference), top)
        blobs = {blob["digest"]: blob for blob in [manifest["config"], *manifest["layers"]]}
        missing = [blob for blob in blobs.values() if not has_blob(layout, blob)]
        in_parallel(registry.session, fetch, missing)
    return top


# %% pull: one-after-the-other
def pull(reference, layout, platform=None, *, registry=None, progress=None):
    registry = registry or Registry(reference.api_host)
    platform = platform or host_platform()

    def fetch(blob):
        get_blob(registry, reference.repository, blob, layout, progress)

    with in_use(layout):
        top, manifest = get_documents(registry, reference, layout, platform)
        blobs = {blob["digest"]: blob for blob in [manifest["config"], *manifest["layers"]]}
        missing = [blob for blob in blobs.values() if not has_blob(layout, blob)]
        for blob in missing:
            fetch(blob)
        tag(layout, str(reference), top)
    return top


# %% pull: fetched-twice
def pull(reference, layout, platform=None, *, registry=None, progress=None):
    registry = registry or Registry(reference.api_host)
    platform = platform or host_platform()

    def fetch(blob):
        get_blob(registry, reference.repository, blob, layout, progress)

    with in_use(layout):
        top, manifest = get_documents(registry, reference, layout, platform)
        blobs = [manifest["config"], *manifest["layers"]]
        missing = [blob for blob in blobs if not has_blob(layout, blob)]
        in_parallel(registry.session, fetch, missing)
        tag(layout, str(reference), top)
    return top


# %% pull: not-in-use
def pull(
    reference: Reference,
    layout: Layout,
    platform: Platform | None = None,
    *,
    registry: Registry | None = None,
    progress: Progress | None = None,
) -> Descriptor:
    registry = registry or Registry(reference.api_host)
    repository = reference.repository
    top, manifest = get_documents(registry, reference, layout, platform or host_platform())
    blobs = {blob["digest"]: blob for blob in [manifest["config"], *manifest["layers"]]}
    missing = [blob for blob in blobs.values() if not has_blob(layout, blob)]
    report_what_is_there(len(blobs), len(missing))
    in_parallel(
        registry.session,
        lambda blob: get_blob(registry, repository, blob, layout, progress),
        missing,
    )
    tag(layout, str(reference), top)
    return top

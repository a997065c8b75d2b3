"""What does a registry have, and how do we get it, whole and unchanged?

In: a repository, and a tag or digest. Out: tags, manifests, blobs, each
verified. `Registry` knows the address and the token; the three questions of
the specification are the functions below it.
distribution-spec, spec.md, "Pull" and "Content Discovery".
"""

from __future__ import annotations

import re
import threading
import urllib.parse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from minicontainer.lib.addresses import base_address, join, origin
from minicontainer.lib.curl import shown_address
from minicontainer.lib.http import (
    drop,
    new_session,
    raise_for_status,
    read_body,
    read_chunks,
    read_json,
)
from minicontainer.lib.http_errors import BadAnswer, ConnectionLost, LoginNeeded, StatusError
from minicontainer.lib.retries import Retry, retrying
from minicontainer.step03_image.blobs import BlobWriter
from minicontainer.step03_image.digest import check_digest, digest_of
from minicontainer.step03_image.layout import Layout
from minicontainer.step03_image.spec import (
    INDEX_TYPES,
    LARGEST_DOCUMENT,
    MANIFEST_TYPES,
    Descriptor,
    media_type_of,
)

from .challenge import Challenge, parse_challenge
from .redirects import follow_redirects
from .token import fetch_token

if TYPE_CHECKING:
    import requests

    from minicontainer.lib.session import Session

ACCEPT = ", ".join((*INDEX_TYPES, *MANIFEST_TYPES))
LARGEST_PAGE = 4 * 1024 * 1024
MOST_PAGES = 1000
NEXT_LINK = re.compile(r"<([^<>]*)>\s*;(?:[^,<]*;)?\s*rel\s*=\s*\"?next\"?\s*(?:[;,]|$)", re.I)

#: called with a blob's descriptor and how many bytes of it are there
Progress = Callable[[Descriptor, int], None]
#: gives the Authorization header's value that answers the challenges of a repository
Authorize = Callable[[list[Challenge], str, "Session"], str]


def anonymous(challenges: list[Challenge], repository: str, session: Session) -> str:
    """The Authorization of one who has no login: a token for what everybody may have."""
    for challenge in challenges:
        if challenge.scheme == "bearer":
            return f"Bearer {fetch_token(session, challenge, repository).value}"
    raise LoginNeeded(401, "the registry wants a login", hint="put one into auth.json")


class Registry:
    """A registry's API at `host` (with port): its address, connections and tokens.

    Plain http is spoken with this machine only, unless `plain_http` is True.
    Several threads may use it. `close()` ends its connections.
    """

    def __init__(
        self,
        host: str,
        *,
        plain_http: bool | None = None,
        authorize: Authorize = anonymous,
        session: Session | None = None,
    ) -> None:
        self.host = host
        self.address = base_address(host, plain_http)
        self.session = session or new_session(bool(plain_http))
        #: one request: redirects are followed, what may pass is tried again; any answer
        self.send = retrying(follow_redirects, self.session)
        self.authorize = authorize
        self._authorization: dict[str, str] = {}
        self._lock = threading.Lock()

    def get(
        self,
        path: str,
        repository: str,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
    ) -> requests.Response:
        """The good answer to a request (200 to 299); redirects, retries and token included.

        `path` may be a whole address, but only one of this registry.
        Raises NotFound, LoginNeeded, StatusError, NotReached, BadAnswer, RegistryError.
        """
        url = join(self.address, urllib.parse.quote(path, safe="/:?&=%+@~,"))
        if origin(url) != origin(self.address):
            raise BadAnswer(f"the registry {self.host} leads to another one", shown_address(url))
        response = send_with_token(self, method, url, repository, headers or {})
        raise_for_status(response)
        return response

    def authorization(self, repository: str) -> dict[str, str]:
        """The Authorization header to try first: the one that was good last time, if any."""
        known = self._authorization.get(repository)
        return {"Authorization": known} if known else {}

    def renew(self, repository: str, challenge: str, used: dict[str, str]) -> dict[str, str]:
        """Another Authorization header than `used`, which was refused with `challenge`.

        Of several threads that were refused at once, only the first asks for a token.
        """
        with self._lock:
            if self.authorization(repository) == used:
                self._authorization.pop(repository, None)
                challenges = parse_challenge(challenge)
                value = self.authorize(challenges, repository, self.session)
                self._authorization[repository] = value
            return self.authorization(repository)

    def close(self) -> None:
        """End the connections."""
        self.session.close()


def send_with_token(
    registry: Registry, method: str, url: str, repository: str, headers: Mapping[str, str]
) -> requests.Response:
    """The answer to a request, for which the registry may want to see a token first.

    401 means: no token, a token that is too old, or no right at all. So answer
    the challenge, and ask a second time. Not a third time: a registry that
    refuses a new token would refuse the next one too. The token that was good
    last time is shown first. All other answers are given back as they are, and
    so is a 401 with no challenge in its `WWW-Authenticate` header. The refusal that
    is followed by a second request is dropped.

    Raises LoginNeeded and what registry.send raises.
    Source: distribution, docs/spec/auth/token.md, steps 1 to 6.
    """
    used = registry.authorization(repository)
    response = registry.send(method, url, {**headers, **used})
    challenge = response.headers.get("WWW-Authenticate")
    if response.status_code == 401 and challenge:
        drop(response)
        fresh = registry.renew(repository, challenge, used)
        response = registry.send(method, url, {**headers, **fresh})
    return response


def list_tags(registry: Registry, repository: str) -> list[str]:
    """All tags of `repository`, each once, in the registry's order.

    A long list comes in pages: the `Link` header says where the next one is,
    on the same server. How many tags a page has, and their order, is the
    registry's choice; `tags` may be null, and what is no text in it is left out.

    Raises BadAnswer for a list that never ends (a page comes a second time, or
    there are more than MOST_PAGES), NotFound and what Registry.get raises.
    Spec: distribution-spec, spec.md, "Listing Tags".
    """
    tags: list[str] = []
    page: str | None = f"/v2/{repository}/tags/list"
    seen: set[str] = set()
    while page is not None:
        if page in seen or len(seen) >= MOST_PAGES:
            raise BadAnswer("the list of tags has no end", shown_address(page))
        seen.add(page)
        with registry.get(page, repository) as response:
            found = read_json(response, LARGEST_PAGE).get("tags") or []
            page = next_page(response)
        tags.extend(tag for tag in found if isinstance(tag, str))
    return list(dict.fromkeys(tags))


def next_page(response: requests.Response) -> str | None:
    """The address in `Link: <…>; rel="next"`, made absolute; None on the last page.

    Source: RFC 8288, section 3.
    """
    link = NEXT_LINK.search(response.headers.get("Link", ""))
    return join(response.url, link[1]) if link else None


def get_manifest(registry: Registry, repository: str, reference: str) -> tuple[Descriptor, bytes]:
    """The manifest or index that `reference`, a tag or a digest, names; and its bytes.

    The request says which four types we understand (else an old registry sends
    an older one, or nothing). The bytes must have the digest that was asked
    for, and the one that the registry promises in Docker-Content-Digest; it may
    promise none. The descriptor has mediaType (as media_type_of finds it), digest
    and size.

    Raises NotFound, DigestMismatch, ImageError, BadAnswer for more than
    LARGEST_DOCUMENT bytes, and what Registry.get raises.
    Spec: distribution-spec, spec.md, "Pulling manifests".
    """
    path = f"/v2/{repository}/manifests/{reference}"
    with registry.get(path, repository, {"Accept": ACCEPT}) as response:
        content = read_body(response, LARGEST_DOCUMENT)
    promised = response.headers.get("Docker-Content-Digest")
    asked_for = reference if ":" in reference else None
    for expected in {promised, asked_for}:
        if expected:
            check_digest(expected, content)
    digest = asked_for or digest_of(content)
    media_type = media_type_of(content, response.headers.get("Content-Type", ""))
    return {"mediaType": media_type, "digest": digest, "size": len(content)}, content


def head_manifest(registry: Registry, repository: str, reference: str) -> str | None:
    """The digest of the manifest that `reference` names now, without fetching it.

    None where the registry does not tell: ask get_manifest then.
    Spec: distribution-spec, spec.md, "Checking if content exists in the registry".
    """
    path = f"/v2/{repository}/manifests/{reference}"
    try:
        with registry.get(path, repository, {"Accept": ACCEPT}, "HEAD") as response:
            return response.headers.get("Docker-Content-Digest")
    except StatusError:
        return None


def get_blob(
    registry: Registry,
    repository: str,
    descriptor: Descriptor,
    layout: Layout,
    progress: Progress | None = None,
) -> None:
    """Bring the blob that `descriptor` names into `layout`, streamed, never whole in memory.

    It gets its name there only with the right size and digest. What an earlier
    attempt left is continued by a Range request (needless while nothing is there):
    206 with a matching Content-Range goes on there, 200 means that everything
    comes again. After each chunk `progress`, if given, is told the descriptor and
    how many bytes are there.

    Raises SizeMismatch, DigestMismatch, ImageError, RegistryError; after a
    broken connection the part that has arrived stays for the next time.
    Spec: distribution-spec, spec.md, "Pulling blobs"; RFC 9110, section 14.
    """
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
                        if progress is not None:
                            progress(descriptor, blob.offset)
            except ConnectionLost as lost:
                retry.wait_after(lost)
        blob.commit()


def continues_at(response: requests.Response, offset: int) -> bool:
    """Whether the body starts at `offset` (206); False if it starts at the beginning (200).

    Raises BadAnswer for a part that nobody asked for. Source: RFC 9110, section 15.3.7.
    """
    if response.status_code != 206:
        return False
    content_range = response.headers.get("Content-Range", "")
    if not content_range.startswith(f"bytes {offset}-"):
        what = f"asked for the bytes from {offset}, got {content_range[:60] or 'others'}"
        raise BadAnswer(what, shown_address(response.url))
    return True

"""What does the registry answer to each request?

In: one HTTP request. Out: a document, a blob or an error as the specification
words it. One method a route, in the order of a pull; the plumbing below.
distribution-spec, spec.md, "Endpoints" and "Error Codes".
"""

from __future__ import annotations

import json
import re
import urllib.parse
from http import HTTPStatus
from typing import Protocol

from minicontainer.errors import ImageError
from minicontainer.step03_image.layout import blob_path
from minicontainer.step03_image.spec import OCI_INDEX
from minicontainer.step04_registry.reference import DIGEST, LONGEST_REPOSITORY, REPOSITORY, TAG

from .catalog import Catalog, Repository, referrers
from .responses import HttpError, Query, Responder
from .token_service import Settings, TokenService

LOOPBACK_HOST = re.compile(r"(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?", re.ASCII)
ROUTE = re.compile(r"/v2/(?P<name>.+)/(?P<kind>tags|manifests|blobs|referrers)/(?P<what>[^/]+)")
#: how many repositories a message lists, in place of one that is not there
MOST_NAMED = 10


class Served(Protocol):
    """What all connections share: the server (server.py) as its handlers see it."""

    catalog: Catalog
    settings: Settings
    tokens: TokenService

    @property
    def address(self) -> str:
        """host:port, as it goes into an image's name."""


class RegistryHandler(Responder):
    """One connection to the registry."""

    server: Served  # type: ignore[assignment]

    def do_GET(self) -> None:
        """Answer a GET or a HEAD; a HEAD's answer only lacks the body."""
        try:
            path, _, query = self.path.partition("?")
            self.route(urllib.parse.unquote(path), urllib.parse.parse_qs(query))
        except HttpError as refused:
            self.send_error_document(refused)
        except FileNotFoundError:  # pruned since the catalog was read
            gone = HttpError(HTTPStatus.NOT_FOUND, "BLOB_UNKNOWN", "it is not here any more")
            self.send_error_document(gone)
        except ImageError as broken:
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            self.send_error_document(HttpError(status, "UNKNOWN", broken.one_line))

    do_HEAD = do_GET

    def route(self, path: str, query: Query) -> None:
        if path == "/token":
            return self.answer_token(query)
        if path in ("/v2/", "/v2"):
            self.check_access(None)
            return self.send_json({})
        if path == "/v2/_catalog":
            return self.answer_catalog(query)
        route = ROUTE.fullmatch(path)
        if route is None:
            raise HttpError(HTTPStatus.NOT_FOUND, "UNSUPPORTED", "there is no such endpoint")
        repository = self.find_repository(route["name"])
        answer = getattr(self, f"answer_{route['kind']}")
        return answer(route["name"], repository, route["what"], query)

    def find_repository(self, name: str) -> Repository:
        """The repository, if the caller may know of it. Only valid names go further."""
        if not REPOSITORY.fullmatch(name) or len(name) > LONGEST_REPOSITORY:
            raise HttpError(HTTPStatus.BAD_REQUEST, "NAME_INVALID", "invalid repository name")
        self.check_access(name)
        repository = self.server.catalog.repositories().get(name)
        if repository is None:
            offer = ", ".join(self.public_names()[:MOST_NAMED]) or "nothing"
            what = f"no repository {name}; on offer: {offer}"
            raise HttpError(HTTPStatus.NOT_FOUND, "NAME_UNKNOWN", what)
        return repository

    # -- the routes ----------------------------------------------------------

    def answer_token(self, query: Query) -> None:
        """A token for the scopes asked for; without credentials, for what everybody may have."""
        user = self.server.tokens.user_of(self.headers.get("Authorization"))
        if user is None:
            raise HttpError(HTTPStatus.UNAUTHORIZED, "UNAUTHORIZED", "wrong user name or password")
        self.send_json(self.server.tokens.issue(user, query.get("scope", [])))

    def answer_catalog(self, query: Query) -> None:
        """The repositories that everybody may pull from."""
        self.check_access(None)
        self.send_page("repositories", self.public_names(), query, "/v2/_catalog")

    def public_names(self) -> list[str]:
        """The repositories that nobody needs a login for."""
        private = self.server.settings.is_private
        return [name for name in self.server.catalog.repositories() if not private(name)]

    def answer_tags(self, name: str, repository: Repository, what: str, query: Query) -> None:
        """The repository's tags, in pages of `n` that start after `last`."""
        if what != "list":
            raise HttpError(HTTPStatus.NOT_FOUND, "UNSUPPORTED", "there is no such endpoint")
        tags = sorted(tag for tag in repository.tags if TAG.fullmatch(tag))
        self.send_page("tags", tags, query, f"/v2/{name}/tags/list", name=name)

    def answer_manifests(self, name: str, repository: Repository, what: str, query: Query) -> None:
        """A manifest or an index, by tag or by digest, byte for byte as it was pushed."""
        if not TAG.fullmatch(what) and not DIGEST.fullmatch(what):
            raise HttpError(HTTPStatus.BAD_REQUEST, "MANIFEST_INVALID", "neither tag nor digest")
        descriptor = repository.manifest(what)
        if descriptor is None:
            raise HttpError(HTTPStatus.NOT_FOUND, "MANIFEST_UNKNOWN", f"no manifest {what}")
        digest = descriptor["digest"]
        content = blob_path(self.server.catalog.layout, digest).read_bytes()
        headers = {"Docker-Content-Digest": digest, "ETag": f'"{digest}"'}
        self.send_content(content, descriptor["mediaType"], headers)

    def answer_blobs(self, name: str, repository: Repository, what: str, query: Query) -> None:
        """A blob, whole or in part; the kernel copies it from the file to the socket."""
        if not DIGEST.fullmatch(what):
            raise HttpError(HTTPStatus.BAD_REQUEST, "DIGEST_INVALID", "that is no digest")
        if what not in repository.contents:
            raise HttpError(HTTPStatus.NOT_FOUND, "BLOB_UNKNOWN", f"no blob {what}")
        with blob_path(self.server.catalog.layout, what).open("rb") as blob:
            self.send_file(blob, what)

    def answer_referrers(self, name: str, repository: Repository, what: str, query: Query) -> None:
        """The manifests whose `subject` is the digest, as an index."""
        if not DIGEST.fullmatch(what):
            raise HttpError(HTTPStatus.BAD_REQUEST, "DIGEST_INVALID", "that is no digest")
        found = referrers(self.server.catalog.layout, repository, what)
        wanted = query.get("artifactType")
        headers = {}
        if wanted:
            found = [entry for entry in found if entry.get("artifactType") == wanted[0]]
            headers["OCI-Filters-Applied"] = "artifactType"
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": found}
        self.send_content(json.dumps(index).encode(), OCI_INDEX, headers)

    # -- who may -------------------------------------------------------------

    def check_access(self, repository: str | None) -> None:
        """Refuse the request with a challenge unless its Authorization allows it."""
        settings, authorization = self.server.settings, self.headers.get("Authorization")
        if settings.authentication == "bearer":
            claims = self.server.tokens.claims(authorization)
            wanted = f"repository:{repository}:pull"
            allowed = claims is not None and (repository is None or wanted in claims["access"])
        elif settings.authentication == "basic":
            user = self.server.tokens.user_of(authorization)
            open_to_all = repository is not None and not settings.is_private(repository)
            allowed = bool(user) or (user == "" and open_to_all)
        else:
            allowed = True
        if not allowed:
            raise HttpError(HTTPStatus.UNAUTHORIZED, "UNAUTHORIZED", "authentication required")

    def challenge(self) -> str:
        """The WWW-Authenticate header: where to get a token, and for what."""
        if self.server.settings.authentication == "basic":
            return 'Basic realm="registry", charset="UTF-8"'
        host = self.headers.get("Host", "")
        host = host if LOOPBACK_HOST.fullmatch(host) else self.server.address
        challenge = f'Bearer realm="http://{host}/token",service="{host}"'
        route = ROUTE.fullmatch(urllib.parse.unquote(self.path.partition("?")[0]))
        if route and REPOSITORY.fullmatch(route["name"]):
            challenge += f',scope="repository:{route["name"]}:pull"'
        return challenge

    def do_POST(self) -> None:
        """A token by OAuth2's form, or a push, which this registry does not take."""
        try:
            if (self.command, self.path.partition("?")[0]) != ("POST", "/token"):
                refusal = "this registry is read-only"
                raise HttpError(HTTPStatus.METHOD_NOT_ALLOWED, "UNSUPPORTED", refusal)
            self.answer_token_form(self.read_form())
        except HttpError as refused:
            self.close_connection = True
            self.send_error_document(refused)

    do_PUT = do_PATCH = do_DELETE = do_POST

    def answer_token_form(self, form: dict[str, str]) -> None:
        """The OAuth2 way: an identity token or a password buys an access token."""
        grant, tokens = form.get("grant_type"), self.server.tokens
        user = None
        if grant == "refresh_token":
            user = self.server.settings.identity_tokens.get(form.get("refresh_token", ""))
        elif grant == "password":
            name = form.get("username", "")
            user = name if tokens.password_is_right(name, form.get("password", "")) else None
        if user is None:
            raise HttpError(HTTPStatus.UNAUTHORIZED, "UNAUTHORIZED", "unknown token or password")
        self.send_json(tokens.issue(user, [form.get("scope", "")]))

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """One line a request, for who asked to see them."""
        if self.server.settings.log is not None:
            status = code.value if isinstance(code, HTTPStatus) else code
            self.server.settings.log(f"{self.command} {self.path} {status}")

"""Which image does a name mean?

In: what a person types, `nginx`. Out: where to ask and for what,
`docker.io/library/nginx:latest`. The rules are Docker's; they are written
down in the distribution project (reference/regexp.go, reference/normalize.go)
and, for repository and tag, in distribution-spec, spec.md, "Pulling manifests".
"""

from __future__ import annotations

import re
from typing import NamedTuple

from minicontainer.errors import MinicontainerError

DEFAULT_REGISTRY = "docker.io"
DEFAULT_TAG = "latest"
#: where docker.io's API really answers
DOCKER_HUB_API = "registry-1.docker.io"

LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
HOST = re.compile(rf"(?:{LABEL}(?:\.{LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]{{1,5}})?", re.ASCII)
COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
REPOSITORY = re.compile(rf"{COMPONENT}(?:/{COMPONENT})*", re.ASCII)
TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}", re.ASCII)
LONGEST_REPOSITORY = 255


class BadReference(MinicontainerError):
    """The text names no image."""

    exit_status = 125


class Reference(NamedTuple):
    """An image's full name. `str()` gives it whole, as the store keeps it."""

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        return f"{self.registry}/{self.repository}{self._suffix}"

    @property
    def familiar(self) -> str:
        """The name as Docker shows it: without docker.io/ and library/ where that is clear."""
        short = self.repository.removeprefix("library/")
        if self.registry != DEFAULT_REGISTRY or names_a_host(self.repository):
            return str(self)
        return f"{self.repository if '/' in short else short}{self._suffix}"

    @property
    def api_host(self) -> str:
        """The host (and port) whose API has the image."""
        return DOCKER_HUB_API if self.registry == DEFAULT_REGISTRY else self.registry

    @property
    def wanted(self) -> str:
        """What to ask the registry for: the digest, which can't change, before the tag."""
        return self.digest or self.tag or DEFAULT_TAG

    @property
    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def parse_reference(text: str) -> Reference:
    """What `text` names: registry, repository, tag and digest.

    What follows an @ is the digest. A colon after the last slash starts the
    tag; `latest` is meant where neither tag nor digest is given. The part
    before the first slash is a registry only if it looks like a host: it holds
    a dot, a colon or a capital letter, or is `localhost`. Without one the image
    is docker.io's. An image of docker.io (also called index.docker.io) whose
    name is one word is below `library/`. A tag or digest not given is None.

    Raises BadReference, which says what is wrong with which part.
    Source: distribution, reference/normalize.go; distribution-spec, spec.md, "Pulling manifests".
    """
    name, at, digest = text.partition("@")
    slash = name.rfind("/")
    colon = name.find(":", slash + 1)
    tag = name[colon + 1 :] if colon >= 0 else None
    name = name[:colon] if colon >= 0 else name
    if names_a_host(name):
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


def names_a_host(name: str) -> bool:
    """Whether the part of `name` before its first slash is a registry's address.

    Wants the whole name: names_a_host("registry:5000/app").
    """
    first, slash, _ = name.partition("/")
    looks_like_one = "." in first or ":" in first or first == "localhost" or first.lower() != first
    return bool(slash) and looks_like_one


def check_reference(reference: Reference, text: str) -> None:
    """Refuse what the grammar refuses, with a message about the part that is wrong."""
    if not text.removeprefix("/"):
        raise BadReference("the image's name is empty", hint="for example: nginx or nginx:1.27")
    if "://" in text:
        hint = f"leave it away: {text.partition('://')[2]}"
        raise BadReference("an image's name does not start with http://", text, hint)
    if not HOST.fullmatch(reference.registry):
        raise BadReference(f"{reference.registry!r} is not a registry's address", text)
    check_repository(reference.repository, text)
    if reference.tag is not None and not TAG.fullmatch(reference.tag):
        rule = "a tag is 1 to 128 letters, digits, '_', '.' or '-', and starts with none of '.-'"
        raise BadReference(f"{reference.tag!r} is not a tag", text, rule)
    if reference.digest is not None and not DIGEST.fullmatch(reference.digest):
        rule = "a digest is sha256: and 64 hexadecimal digits in lower case"
        raise BadReference(f"{reference.digest!r} is not a digest", text, rule)


def check_repository(repository: str, text: str) -> None:
    """Refuse a repository name that the distribution-spec's grammar does not have."""
    bare = repository.removeprefix("library/")
    if not bare:
        raise BadReference("the repository's name is empty", text)
    if bare.lower() != bare:
        hint = f"try {bare.lower()}"
        raise BadReference(f"the repository's name {bare!r} must be lower case", text, hint)
    if len(repository) > LONGEST_REPOSITORY:
        raise BadReference(
            f"the repository's name is longer than {LONGEST_REPOSITORY} characters", text[:40] + "…"
        )
    if not REPOSITORY.fullmatch(repository):
        rule = "words of a-z and 0-9, joined by '.', '_', '__' or dashes, with '/' between parts"
        raise BadReference(f"{bare!r} is not a repository's name", text, rule)
    if re.fullmatch(r"[0-9a-f]{64}", bare):
        hint = f"did you mean NAME@sha256:{bare[:12]}…?"
        raise BadReference("64 hexadecimal digits are an id, not a name", text, hint)

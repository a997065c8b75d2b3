"""A name that is computed from the content: `sha256:` and 64 hexadecimal digits.

Who knows the digest can check what he got, whoever he got it from. In: bytes,
or a stream of chunks. Out: digests, or a complaint that they differ. What is
pulled is compared where it gets its name: blobs.py.
Spec: image-spec, descriptor.md, "Digests".
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from minicontainer import explain
from minicontainer.errors import DigestMismatch, ImageError

if TYPE_CHECKING:
    from hashlib import _Hash

#: algorithms that the specification registers, and how many digits they give
HEX_DIGITS = {"sha256": 64, "sha512": 128}
_SYNTAX = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")


def digest_of(content: bytes) -> str:
    """The sha256 digest of `content`, as descriptors write it: `sha256:e3b0c442…`.

    It is computed over the bytes exactly as they are: a JSON document that was
    parsed and written again is another content, and has another digest.
    Spec: image-spec, descriptor.md, "Digests" and "SHA-256".
    """
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def split_digest(digest: str) -> tuple[str, str]:
    """The algorithm and the hexadecimal part of `digest`, which come from outside.

    Both are used as names of files, so nothing but a well-formed digest passes.
    Raises ImageError. Spec: image-spec, descriptor.md, "Digests".
    """
    if not isinstance(digest, str) or not _SYNTAX.fullmatch(digest):
        raise ImageError(f"{str(digest)[:100]!r} is not a digest", hint="like sha256:e3b0c442…")
    algorithm, _, encoded = digest.partition(":")
    if algorithm not in HEX_DIGITS:
        raise ImageError(f"digest algorithm {algorithm} is not supported", digest[:100])
    if not re.fullmatch(f"[a-f0-9]{{{HEX_DIGITS[algorithm]}}}", encoded):
        raise ImageError(f"{algorithm} has {HEX_DIGITS[algorithm]} digits 0-9a-f", digest[:200])
    return algorithm, encoded


def algorithm_of(digest: str) -> str:
    """`sha256` or `sha512`, the part of `digest` before the colon. Raises ImageError."""
    return split_digest(digest)[0]


class Digester:
    """A digest that is computed chunk by chunk, for what is too large for memory."""

    def __init__(self, algorithm: str = "sha256") -> None:
        self._algorithm = algorithm
        self._hash: _Hash = hashlib.new(algorithm)
        self.size = 0

    def update(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes."""
        self.size += len(chunk)
        self._hash.update(chunk)

    def digest(self) -> str:
        """The digest of all the bytes so far."""
        return f"{self._algorithm}:{self._hash.hexdigest()}"


def check_digest(expected: str, content: bytes) -> None:
    """Raise DigestMismatch unless `content` has the digest `expected`."""
    digester = Digester(algorithm_of(expected))
    digester.update(content)
    if digester.digest() != expected:
        raise DigestMismatch(f"the content has the digest {digester.digest()}", expected)
    explain.emit("digest", f"verified {expected} ({len(content)} bytes)", size=len(content))

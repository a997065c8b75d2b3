"""The storage of a CNCF distribution registry, written as that registry writes it."""

import json
from pathlib import Path

from .layouts import Layout

BASE = "docker/registry/v2"


class Storage:
    """Registry storage at `path`, filled from OCI layouts made for the tests."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.base = path / BASE

    def push(self, layout: Layout, descriptor: dict, repository: str, tag: str) -> None:
        self._manifest(layout, descriptor, repository)
        tags = f"repositories/{repository}/_manifests/tags/{tag}"
        self.write(f"{tags}/current/link", descriptor["digest"])
        self.write(f"{tags}/index/{_folder(descriptor['digest'])}/link", descriptor["digest"])

    def _manifest(self, layout: Layout, descriptor: dict, repository: str) -> None:
        digest = descriptor["digest"]
        self._blob(layout, digest)
        revisions = f"repositories/{repository}/_manifests/revisions"
        self.write(f"{revisions}/{_folder(digest)}/link", digest)
        document = json.loads((layout.path / "blobs" / _folder(digest)).read_bytes())
        for entry in document.get("manifests", []):
            self._manifest(layout, entry, repository)
        for blob in [document["config"], *document["layers"]] if "layers" in document else []:
            self._blob(layout, blob["digest"])
            link = f"repositories/{repository}/_layers/{_folder(blob['digest'])}/link"
            self.write(link, blob["digest"])

    def _blob(self, layout: Layout, digest: str) -> None:
        algorithm, encoded = digest.split(":")
        content = (layout.path / "blobs" / algorithm / encoded).read_bytes()
        self.write(f"blobs/{algorithm}/{encoded[:2]}/{encoded}/data", content)

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path


def _folder(digest: str) -> str:
    return digest.replace(":", "/")

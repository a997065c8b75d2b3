"""Small OCI layouts made for the tests: two tags that share layers, thirty platforms, …"""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker.distribution.manifest."


class Layout:
    """An OCI image layout that grows; every method gives back a descriptor."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "blobs/sha256").mkdir(parents=True)
        (path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        self.tags: list[dict] = []
        self._write_index()

    def blob(self, content: bytes, media_type: str) -> dict:
        encoded = hashlib.sha256(content).hexdigest()
        (self.path / "blobs/sha256" / encoded).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{encoded}", "size": len(content)}

    def json(self, document: dict, media_type: str) -> dict:
        return self.blob(json.dumps(document).encode(), media_type)

    def layer(self, files: dict[str, bytes], docker: bool = False) -> dict:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        docker_type = "application/vnd.docker.image.rootfs.diff.tar.gzip"
        media_type = docker_type if docker else f"{OCI}layer.v1.tar+gzip"
        return self.blob(gzip.compress(buffer.getvalue(), mtime=0), media_type)

    def manifest(self, layers: list[dict], os="linux", architecture="amd64", docker=False) -> dict:
        config = {"os": os, "architecture": architecture, "config": {"Cmd": ["sh"]}}
        config["rootfs"] = {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]}
        docker_config = "application/vnd.docker.container.image.v1+json"
        described = self.json(config, docker_config if docker else f"{OCI}config.v1+json")
        media_type = f"{DOCKER}v2+json" if docker else f"{OCI}manifest.v1+json"
        document = {"schemaVersion": 2, "mediaType": media_type, "config": described}
        return self.json({**document, "layers": layers}, media_type)

    def index(self, entries: list[dict], docker=False) -> dict:
        media_type = f"{DOCKER}list.v2+json" if docker else f"{OCI}index.v1+json"
        document = {"schemaVersion": 2, "mediaType": media_type, "manifests": entries}
        return self.json(document, media_type)

    def tag(self, name: str, descriptor: dict) -> dict:
        annotations = {"org.opencontainers.image.ref.name": name}
        self.tags.append({**descriptor, "annotations": annotations})
        self._write_index()
        return descriptor

    def _write_index(self) -> None:
        document = {"schemaVersion": 2, "manifests": self.tags}
        (self.path / "index.json").write_text(json.dumps(document))


def on(platform: str, descriptor: dict) -> dict:
    keys = ("os", "architecture", "variant")
    return {**descriptor, "platform": dict(zip(keys, platform.split("/"), strict=False))}


def attestation(layout: Layout, about: dict) -> dict:
    statement = layout.json({"subject": about["digest"]}, "application/vnd.in-toto+json")
    entry = on("unknown/unknown", layout.manifest([statement], "unknown", "unknown"))
    annotations = {"vnd.docker.reference.type": "attestation-manifest"}
    annotations["vnd.docker.reference.digest"] = about["digest"]
    return {**entry, "annotations": annotations}


def two_tags(path: Path) -> Layout:
    """web:1.0 and web:1.1: the base shared, the top layer each one's own; amd64, attested."""
    layout = Layout(path)
    base = layout.layer({"bin/sh": bytes(range(256)) * 900})
    libs = layout.layer({"lib/libc.so": bytes(range(200)) * 400})
    for version in ("1.0", "1.1"):
        page = layout.layer({"srv/index.html": f"<h1>{version}</h1>".encode() * 400})
        manifest = layout.manifest([base, libs, page])
        index = layout.index([on("linux/amd64", manifest), attestation(layout, manifest)])
        layout.tag(f"docker.io/workshop/web:{version}", index)
    return layout


def many_platforms(path: Path, count: int = 30, docker: bool = False) -> Layout:
    """One image for `count` platforms, each with three layers and an attestation."""
    layout = Layout(path)
    entries = []
    for number in range(count):
        machine = ["amd64", "arm64", "riscv64", "s390x"][number] if number < 4 else f"cpu{number}"
        layers = [
            layout.layer({f"f{part}": bytes([number, part]) * (number * 300 + 99)}, docker)
            for part in range(3)
        ]
        manifest = layout.manifest(layers, architecture=machine, docker=docker)
        entries += [on(f"linux/{machine}", manifest), attestation(layout, manifest)]
    layout.tag("docker.io/workshop/many:latest", layout.index(entries, docker))
    return layout


def every_kind(path: Path) -> Layout:
    """A nested index, Docker's media types beside the OCI's, and a manifest that is not there."""
    layout = Layout(path)
    inner_layer = layout.layer({"a": b"a" * 5000})
    inner = layout.index(
        [on("linux/arm64/v8", layout.manifest([inner_layer], architecture="arm64"))]
    )
    docker = layout.manifest([layout.layer({"b": b"b" * 900}, docker=True)], docker=True)
    absent = {"mediaType": f"{OCI}manifest.v1+json", "digest": f"sha256:{'e' * 64}", "size": 7}
    entries = [inner, on("linux/amd64", docker), on("windows/amd64", absent)]
    layout.tag("docker.io/workshop/mixed:1", layout.index(entries, docker=True))
    return layout

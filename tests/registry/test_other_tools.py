"""skopeo and podman pull from our registry; we pull from Debian's docker-registry."""

import contextlib
import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

from minicontainer.lib.http_errors import NotFound
from minicontainer.step03_image.digest import digest_of
from minicontainer.step03_image.layout import blob_path, read_blob, references
from minicontainer.step03_image.manifest import host_platform, parse_platform, resolve
from minicontainer.step03_image.spec import parse_manifest
from minicontainer.step04_registry.client import list_tags
from minicontainer.step04_registry.pull import pull
from minicontainer.step04_registry.reference import parse_reference

from ..programs import needs

NAMES = ["workshop/hello:latest", "workshop/shell:latest", "workshop/web:1.0", "workshop/web:1.1"]


def run(*command, **options):
    """Run a program; its output. A failure shows what it said."""
    options = {"capture_output": True, "timeout": 120, "check": False, **options}
    done = subprocess.run([str(word) for word in command], **options)
    assert done.returncode == 0, f"{command}: {done.stderr.decode()}"
    return done.stdout


@pytest.fixture
def skopeo(tmp_path):
    """Runs skopeo with a policy and a home of the test's own."""
    policy = tmp_path / "policy.json"
    policy.write_text('{"default":[{"type":"insecureAcceptAnything"}]}')
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    return lambda *words: run("skopeo", "--policy", policy, *words, env=environment)


@needs("skopeo")
@pytest.mark.parametrize("name", NAMES)
def test_skopeo_sees_the_same_bytes(name, images, registry_at, skopeo):
    raw = skopeo("inspect", "--tls-verify=false", "--raw", f"docker://{registry_at}/{name}")
    assert digest_of(raw) == references(images)[f"docker.io/{name}"]["digest"]


@needs("skopeo")
@pytest.mark.parametrize("name", NAMES)
def test_skopeo_copies_everything(name, images, registry_at, skopeo, tmp_path):
    source = f"docker://{registry_at}/{name}"
    skopeo("copy", "--all", "--src-tls-verify=false", source, f"oci:{tmp_path / 'copy'}:it")
    (entry,) = json.loads((tmp_path / "copy/index.json").read_bytes())["manifests"]
    assert entry["digest"] == references(images)[f"docker.io/{name}"]["digest"]
    for path in (tmp_path / "copy/blobs/sha256").iterdir():
        assert blob_path(images, f"sha256:{path.name}").read_bytes() == path.read_bytes()


@needs("skopeo")
def test_skopeo_lists_the_tags(registry_at, skopeo):
    listed = skopeo("list-tags", "--tls-verify=false", f"docker://{registry_at}/workshop/web")
    assert json.loads(listed)["Tags"] == ["1.0", "1.1"]


@pytest.fixture
def podman():
    """Runs podman with a store of its own (its directory's name must be short)."""
    with tempfile.TemporaryDirectory(prefix="p") as place:
        policy = Path(place, "policy.json")
        policy.write_text('{"default":[{"type":"insecureAcceptAnything"}]}')
        store = ("--root", f"{place}/root", "--runroot", f"{place}/run", "--storage-driver", "vfs")
        yield lambda verb, *words: run(
            "podman", *store, verb, "--signature-policy", policy, "--tls-verify=false", *words
        )


@needs("podman")
@pytest.mark.skipif(os.geteuid() != 0, reason="rootless podman needs a session of its own")
@pytest.mark.parametrize("name", NAMES)
def test_podman_pulls(name, images, registry_at, podman):
    image = podman("pull", "-q", f"{registry_at}/{name}").split()[-1]
    descriptor = resolve(images, references(images)[f"docker.io/{name}"], host_platform())
    config = parse_manifest(read_blob(images, descriptor))["config"]
    assert image.decode() == config["digest"].removeprefix("sha256:")


CONFIG = """
version: 0.1
storage: {{filesystem: {{rootdirectory: {root}}}}}
http: {{addr: 127.0.0.1:{port}}}
"""


@pytest.fixture
def docker_registry(tmp_path):
    """host:port of Debian's docker-registry with an empty store."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    config = tmp_path / "config.yml"
    config.write_text(CONFIG.format(root=tmp_path / "registry", port=port))
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(["docker-registry", "serve", config], stdout=log, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}/v2/", server, tmp_path / "log")
            yield f"127.0.0.1:{port}"
        finally:
            server.kill()
            server.wait()


def wait_for(address, server, log):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + 20
    while server.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError):
            opener.open(address, timeout=5).close()
            return
        time.sleep(0.05)
    pytest.fail(f"docker-registry does not answer: {log.read_text()}")


@needs("docker-registry", "skopeo")
def test_we_pull_from_docker_registry(docker_registry, images, skopeo, store, registry):
    for name in NAMES:
        skopeo(
            "copy", "--all", "--preserve-digests", "--dest-tls-verify=false",
            f"oci:{images.path}:docker.io/{name}", f"docker://{docker_registry}/{name}",
        )  # fmt: skip
    client = registry(docker_registry)
    for name in NAMES:
        top = pull(parse_reference(f"{docker_registry}/{name}"), store, registry=client)
        assert top["digest"] == references(images)[f"docker.io/{name}"]["digest"]
        manifest = parse_manifest(read_blob(store, resolve(store, top, host_platform())))
        for blob in [manifest["config"], *manifest["layers"]]:
            assert digest_of(blob_path(store, blob["digest"]).read_bytes()) == blob["digest"]
    assert sorted(list_tags(client, "workshop/web")) == ["1.0", "1.1"]
    with pytest.raises(NotFound) as refused:
        pull(parse_reference(f"{docker_registry}/workshop/web:7"), store, registry=client)
    assert "1.0, 1.1" in refused.value.hint
    with pytest.raises(NotFound) as refused:
        pull(parse_reference(f"{docker_registry}/no/such"), store, registry=client)
    assert "workshop/hello" in refused.value.hint


@needs("docker-registry", "skopeo")
def test_we_pull_docker_manifests(docker_registry, images, skopeo, store, registry):
    skopeo(
        "copy", "--all", "--format", "v2s2", "--dest-tls-verify=false",
        f"oci:{images.path}:docker.io/workshop/web:1.0", f"docker://{docker_registry}/d:1",
    )  # fmt: skip
    wanted = parse_platform("linux/arm64")
    reference = parse_reference(f"{docker_registry}/d:1")
    top = pull(reference, store, wanted, registry=registry(docker_registry))
    assert "vnd.docker" in top["mediaType"]
    manifest = parse_manifest(read_blob(store, resolve(store, top, wanted)))
    assert "vnd.docker" in manifest["layers"][0]["mediaType"]

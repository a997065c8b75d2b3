"""The whole way for a real image: Debian with nginx, from a registry that others wrote.

mmdebstrap makes the root filesystem, umoci the image, skopeo pushes it into
Debian's docker-registry; from there on it is ours: pull, unpack, run. At the
end its page is fetched over loopback. Its pictures are drawn on the way.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from minicontainer.pictures.explore import explore
from minicontainer.pictures.manifests import manifest_graph
from minicontainer.pictures.mounts import mount_tree, overlay_layers
from minicontainer.pictures.processes import namespaces, process_tree
from minicontainer.pictures.storage import storage_tree
from tests.pictures.svg_checks import boxes, kinds
from tests.programs import needs, needs_root
from tests.waiting import costs_less_than, until

pytestmark = [
    pytest.mark.slow,
    needs("mmdebstrap", "umoci", "skopeo", "docker-registry"),
    needs_root,
]

PAGE = "served by a container that minicontainer runs\n"
MINICONTAINER = [sys.executable, "-m", "minicontainer.cli.minicontainer"]
REGISTRY_SETTINGS = """\
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: "%s"}}
http: {addr: "127.0.0.1:%d"}
"""
#: nginx with what it needs, and some that have hard links and set-user-ID programs
PACKAGES = "nginx-light,base-files,base-passwd,mount,passwd,perl-base"
#: What the packages' own scripts would do: unpacked only, the image is made in a third of the time.
MERGED = 'for d in bin sbin lib lib64; do mkdir -p "$1/usr/$d" && ln -s "usr/$d" "$1/$d"; done'
CONFIGURED = f"""\
for file in passwd group; do cp "$1/usr/share/base-passwd/$file.master" "$1/etc/$file"; done
mkdir -p "$1/var/www/html" && printf %s "{PAGE}" >"$1/var/www/html/index.html"
"""
SITE = "server { listen 127.0.0.1:%d; root /var/www/html; }\n"


def test_nginx_serves_its_page(registry: str, tmp_path: Path):
    port = free_port()
    site = tmp_path / "page.conf"
    site.write_text(SITE % port)
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data")}
    command = ["run", "--rm", "--network=host", "-v", f"{site}:/etc/nginx/conf.d/page.conf:ro"]
    with subprocess.Popen(
        [*MINICONTAINER, *command, f"{registry}/debian-nginx:1"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as container:
        assert fetch(f"http://127.0.0.1:{port}/", container) == PAGE
        check_pictures_while_it_runs(container.pid)
        container.send_signal(signal.SIGTERM)
        assert container.wait(60) == 0  # nginx ends by itself when it is told to
    listed = subprocess.run([*MINICONTAINER, "ps"], env=environment, capture_output=True, text=True)
    assert "debian-nginx" not in listed.stdout
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()


def check_pictures_while_it_runs(engine: int) -> None:
    """nginx with both its pids, beside its engine, on its mounts and its layers."""
    children = Path(f"/proc/{engine}/task/{engine}/children").read_text().split()
    nginx = next(int(it) for it in children if Path(f"/proc/{it}/comm").read_text() == "nginx\n")
    tree = [lines for lines in boxes(process_tree(nginx).svg()).values() if lines[0] == "nginx"]
    assert ["nginx", "inside   1", f"outside  {nginx}"] in tree
    assert len(tree) > 1, "it has workers"
    same, _, different = namespaces(engine, nginx).alt.partition("Different: ")
    assert "net" in same and {"mnt", "pid"} <= set(different.rstrip(".").split(", "))
    assert "/etc/nginx/conf.d/page.conf" in mount_tree(nginx).svg()
    seen, upper, *lower = boxes(overlay_layers(nginx).svg()).values()
    assert (seen[0], upper[0], len(lower)) == ("seen at /", "upper, written to", 1)


def test_its_manifest_graph(registry: str, image: Path, tmp_path: Path):
    with costs_less_than(1):
        remote = manifest_graph(f"{registry}/debian-nginx:1", store=tmp_path / "store")
        drawn = kinds(remote.svg())
    assert drawn == ["config", "layer", "manifest", "quiet", "reference"], "quiet: the legend"
    assert f", at {registry}: 1 manifest" in remote.alt
    assert not (tmp_path / "store").exists(), "no layer was pulled"
    local = manifest_graph(image)
    assert kinds(local.svg()) == drawn
    listed = explore(image).html
    assert "bin -&gt; usr/bin" in listed and "… and more" in listed, "the first of its many files"


def test_its_storage(registry: str, storage: Path, image: Path):
    picture = storage_tree(storage, image)
    assert "debian-nginx" in picture.svg()
    found = [lines[0] for lines in boxes(picture.svg()).values()]
    assert "1/current/link" in found and "index.json" in found
    assert sum(line.endswith("/data") for line in found) == 3, "manifest, config and layer"


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where docker-registry keeps what it was given."""
    return tmp_path_factory.mktemp("registry") / "storage"


@pytest.fixture(scope="module")
def registry(image: Path, storage: Path) -> Iterator[str]:
    """Debian's docker-registry with the image in it; its host:port."""
    port, settings = free_port(), storage.parent / "config.yml"
    settings.write_text(REGISTRY_SETTINGS % (storage, port))
    with subprocess.Popen(["docker-registry", "serve", settings], stderr=subprocess.DEVNULL) as it:
        try:
            wait_for_port(port)
            address = f"127.0.0.1:{port}"
            target = f"docker://{address}/debian-nginx:1"
            do("skopeo", "copy", "--dest-tls-verify=false", f"oci:{image}:nginx", target)
            yield address
        finally:
            it.terminate()


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An OCI image layout with Debian and nginx under the tag `nginx`."""
    place = tmp_path_factory.mktemp("image")
    root, layout = place / "root.tar", place / "layout"
    do(
        *("mmdebstrap", "--quiet", "--variant=extract", f"--include={PACKAGES}"),
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        f"--setup-hook={MERGED}",
        f"--extract-hook={CONFIGURED}",
        *("bookworm", root),
    )
    do("umoci", "init", "--layout", layout)
    do("umoci", "new", "--image", f"{layout}:nginx")
    do("umoci", "raw", "add-layer", "--image", f"{layout}:nginx", root)
    command = ["--config.cmd=nginx", "--config.cmd=-g", "--config.cmd=daemon off;"]
    do("umoci", "config", "--image", f"{layout}:nginx", *command)
    root.unlink()
    return layout


def do(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command[0]}: {done.stderr}"


def fetch(address: str, container: subprocess.Popen[str]) -> str:
    """The page, as soon as there is one."""
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(address, timeout=5).read().decode()
        if container.poll() is not None:
            pytest.fail(f"it ended with {container.returncode}: {container.stderr.read()}")
        assert time.monotonic() < deadline, "no page within a minute"
        time.sleep(0.1)


def wait_for_port(port: int) -> None:
    def answers() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    assert until(answers), "docker-registry did not start"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]

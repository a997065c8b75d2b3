"""Chapter 0: what happens when you type `docker run nginx`? The whole idea on two screens.

    python -m minicontainer.idea nginx             from docker.io
    minicontainer registry serve &                 or, without the internet, from the
    python -m minicontainer.idea workshop/hello    registry that this kit brings along

Pull, unpack, run. It works, and it is wrong in the ways in which everybody's first engine is
wrong: each careless line says what goes wrong, and which of the six steps mends it.
"""

import io
import os
import re
import sys
import tarfile
import tempfile
from pathlib import Path

import requests

from minicontainer import linux

HUB = "https://registry-1.docker.io"
KIT = "http://" + os.environ.get("MINICONTAINER_REGISTRY", "127.0.0.1:5000")
ACCEPT = (
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json"
)


def main() -> None:
    """IMAGE [ARGUMENT …]: run the image, with these arguments in the place of its own."""
    name, *arguments = sys.argv[1:] or sys.exit(__doc__)
    config, layers = pull(name)
    # careless: nobody is left who would remove it when the program ends; step 06 mends it
    root = tempfile.mkdtemp(prefix="idea-") + "/rootfs"
    unpack(layers, root)
    print(f"{len(layers)} layers unpacked into {root}", file=sys.stderr)
    run(root, config["config"], arguments)


def pull(name: str) -> tuple[dict, list[bytes]]:
    """Ask the registry for the image `name`: its config, and its layers from the lowest up."""
    # careless: a tag, a digest and other registries are all taken for the name; step 04 mends it
    repository = name if "/" in name else f"library/{name}"
    url = f"{KIT if name.startswith('workshop/') else HUB}/v2/{repository}"
    # careless: a login that ~/.netrc has for this host takes our token's place; step 04 mends it
    session = requests.Session()
    session.headers["Accept"] = ACCEPT
    answer = session.get(f"{url}/manifests/latest")
    if answer.status_code == 401:  # it wants to see a token, and says who gives one
        token = ask_for_token(session, answer.headers["WWW-Authenticate"])
        session.headers["Authorization"] = f"Bearer {token}"
    manifest = get(session, f"{url}/manifests/latest").json()
    if "manifests" in manifest:  # an index: one image for many machines
        # careless: the first one, on whatever machine we are; step 03 mends it
        manifest = get(session, f"{url}/manifests/{manifest['manifests'][0]['digest']}").json()
    config = get(session, f"{url}/blobs/{manifest['config']['digest']}").json()
    # careless: nothing is kept, so that the next run fetches it all again; step 04 mends it
    layers = [get(session, f"{url}/blobs/{one['digest']}").content for one in manifest["layers"]]
    return config, layers


def ask_for_token(session: requests.Session, challenge: str) -> str:
    """Whoever the registry sends us to gives anybody a token for a public image."""
    # careless: of two challenges it makes one, and misses what has no quotes; step 04 mends it
    wish = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    return get(session, wish.pop("realm"), wish).json()["token"]


def get(session: requests.Session, url: str, query: dict | None = None) -> requests.Response:
    """GET. The last part of a blob's url, sha256:…, is the digest of what must come."""
    answer = session.get(url, params=query)
    answer.raise_for_status()
    # careless: whatever comes is believed, nobody computes its digest; step 03 mends it
    return answer


def unpack(layers: list[bytes], root: str) -> None:
    """Each layer is a tar archive; unpack one over the other."""
    for layer in layers:
        with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
            # careless: a link that leads out of the root is written through; step 03 mends it
            archive.extraction_filter = lambda member, _: member
            # careless: `.wh.motd` should remove `motd`, and is a file here; step 03 mends it
            # careless: owners are whoever has that name on this machine; step 03 mends it
            archive.extractall(root)


def run(root: str, settings: dict, arguments: list[str]) -> None:
    """Become the image's program, in `root`. Does not return: from here on, we are it."""
    argv = (settings.get("Entrypoint") or []) + (arguments or settings.get("Cmd") or [])
    # careless: all variables of this machine go along, passwords too; step 02 mends it
    environment = {**os.environ, **dict(one.split("=", 1) for one in settings.get("Env") or [])}
    if os.geteuid() != 0:
        enter_user_namespace()
    # careless: the processes that it meets, and the mounts, are the machine's; step 01 mends it
    # careless: a root process leaves a chroot by a second one; step 01 mends it
    os.chroot(root)
    # careless: no chdir, so we still stand outside, and `..` leads on; step 01 mends it
    # careless: no /proc and no /dev, and so /dev/null is a file that grows; step 02 mends it
    # careless: the image's User is not asked, all rights of root stay; step 02 mends it
    # careless: files that are open stay open, for the program to read; step 02 mends it
    # careless: Python has SIGPIPE ignored, and so has the program now; step 01 mends it
    os.execvpe(argv[0], argv, environment)


def enter_user_namespace() -> None:
    """Nobody but root may chroot, or have port 80; but in a namespace of our own we may."""
    me = {"uid_map": f"{os.getuid()} {os.getuid()} 1", "gid_map": f"{os.getgid()} {os.getgid()} 1"}
    linux.unshare(linux.CLONE_NEWUSER | linux.CLONE_NEWNET)
    # careless: there is nobody else in it to become, not even root; step 06 mends it
    for file, text in {"setgroups": "deny", **me}.items():
        Path("/proc/self", file).write_text(text)
    Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text("0")


if __name__ == "__main__":
    try:
        main()
    except OSError as problem:  # those of requests too
        sys.exit(str(problem))

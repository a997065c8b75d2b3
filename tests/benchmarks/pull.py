"""How long does a pull of 130 MB over loopback take, beside skopeo's?

    python tests/benchmarks/pull.py [ROUNDS]

One image of four layers that do not compress, in the kit's registry and (if
installed) in Debian's docker-registry; each client is a fresh process that
pulls into a fresh directory; medians of shuffled rounds, as ratios to skopeo
from the kit's registry.
"""

import contextlib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from minicontainer.registry.image_builder import File, Layer, add_image, tar_of
from minicontainer.registry.server import running_registry
from minicontainer.step03_image.blobs import write_blob
from minicontainer.step03_image.layout import create_layout, tag
from minicontainer.step03_image.manifest import host_platform
from minicontainer.step03_image.spec import OCI_LAYER

SIZES = [70, 40, 15, 6]  # MB
OURS = """
import sys
from minicontainer.step03_image.layout import create_layout
from minicontainer.step04_registry.client import Registry
from minicontainer.step04_registry.pull import pull
from minicontainer.step04_registry.reference import parse_reference
registry = Registry(sys.argv[1])
pull(parse_reference("bench/image"), create_layout(sys.argv[2]), registry=registry)
"""
CONFIG = "version: 0.1\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: 127.0.0.1:%d}\n"


def make_image(layout):
    layers = []
    for number, size in enumerate(SIZES):
        content = random.Random(number).randbytes(size * 1_000_000)
        plain = tar_of([File(f"file{number}", content)])
        descriptor = write_blob(layout, plain, OCI_LAYER)
        layers.append(Layer(descriptor, descriptor["digest"], "random bytes"))
    tag(layout, "docker.io/bench/image:latest", add_image(layout, layers, {}, host_platform()))


@contextlib.contextmanager
def docker_registry(place, layout):
    """host:port of a docker-registry that has the image; None where there is none."""
    if not shutil.which("docker-registry"):
        yield None
        return
    port = random.randrange(20000, 30000)
    config = place / "config.yml"
    config.write_text(CONFIG % (place / "registry", port))
    log = subprocess.DEVNULL
    server = subprocess.Popen(["docker-registry", "serve", config], stdout=log, stderr=log)
    try:
        source = f"oci:{layout.path}:docker.io/bench/image:latest"
        target = f"docker://127.0.0.1:{port}/bench/image:latest"
        push = [*SKOPEO, "copy", "--preserve-digests", "--dest-tls-verify=false", source, target]
        for attempt in range(50):
            if subprocess.run(push, capture_output=True, check=attempt == 49).returncode == 0:
                break
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


SKOPEO = ["skopeo", "--insecure-policy"]


def with_ours(at, target):
    return [sys.executable, "-c", OURS, at, target]


def with_skopeo(at, target):
    source = f"docker://{at}/bench/image:latest"
    return [*SKOPEO, "copy", "-q", "--src-tls-verify=false", source, f"oci:{target}:it"]


def seconds(command, place):
    """Wall time of one pull into a fresh directory, and whether all has arrived."""
    target = Path(tempfile.mkdtemp(dir=place), "target")
    begin = time.perf_counter()
    subprocess.run([str(word) for word in command(target)], check=True, stdout=subprocess.DEVNULL)
    taken = time.perf_counter() - begin
    blobs = sum(path.stat().st_size for path in (target / "blobs/sha256").iterdir())
    assert blobs > sum(SIZES) * 1_000_000, "not everything has arrived"
    shutil.rmtree(target.parent)
    return taken


def main(rounds=7):
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        layout = create_layout(place / "layout")
        make_image(layout)
        with running_registry(layout) as kit, docker_registry(place, layout) as debian:
            ways = {"ours, from the kit's registry": lambda target: with_ours(kit, target)}
            if shutil.which("skopeo"):
                ways["skopeo, from the kit's registry"] = lambda target: with_skopeo(kit, target)
            if debian and shutil.which("skopeo"):
                ways["ours, from docker-registry"] = lambda target: with_ours(debian, target)
                ways["skopeo, from docker-registry"] = lambda target: with_skopeo(debian, target)
            report({way: [] for way in ways}, ways, place, rounds)


def report(times, ways, place, rounds):
    for number in range(rounds + 1):
        for way in random.sample(sorted(ways), len(ways)):
            taken = seconds(ways[way], place)
            if number:  # the first round warms the caches
                times[way].append(taken)
    unit = statistics.median(times.get("skopeo, from the kit's registry") or [1.0])
    for way, values in times.items():
        middle = statistics.median(values)
        spread = f"{min(values):.2f}-{max(values):.2f} s"
        print(f"{way:34} {middle:6.2f} s  ({spread})  {middle / unit:5.2f}")
    print(json.dumps({"cpus": os.cpu_count(), "MB": sum(SIZES), "rounds": rounds}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))

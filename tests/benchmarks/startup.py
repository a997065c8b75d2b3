"""How long does a container of one tiny program take, beside runc's and crun's?

    python tests/benchmarks/startup.py [ROUNDS]

`run` of one bundle (workshop/hello's root filesystem, output thrown away), each
a fresh process; medians of shuffled rounds, as ratios to runc. And the whole
`minicontainer run` of the image from the store.
Run it as root: the others' rootless ways differ too much to compare.
"""

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

from minicontainer import linux
from minicontainer.lib.default_config import default_config
from minicontainer.registry.mirror import embedded_registry

HERE = Path(sys.executable).parent


def make_bundle(place, environment):
    """A bundle whose process prints a few lines and ends."""
    bundle = place / "bundle"
    bundle.mkdir()
    engine = HERE / "minicontainer"
    for words in (["pull", "-q"], ["unpack"]):
        rest = [bundle / "rootfs"] if words == ["unpack"] else []
        command = [engine, *words, "workshop/hello", *rest]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    config = default_config()
    config["process"] |= {"args": ["/hello"], "terminal": False}
    config["ociVersion"] = "1.0.2"  # old crun knows no later one
    (bundle / "config.json").write_text(json.dumps(config))
    return bundle


def hide_hybrid_cgroups():
    """crun refuses v1 hierarchies with a v2 one beside them: hide that, in a namespace of ours."""
    linux.unshare(linux.CLONE_NEWNS)
    linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
    if Path("/sys/fs/cgroup/unified").is_mount():
        linux.umount2("/sys/fs/cgroup/unified", linux.MNT_DETACH)


def runtimes(bundle):
    """Name -> command line of each runtime that is installed."""
    found = {"minirunc": HERE / "minirunc"}
    found |= {name: path for name in ("runc", "crun") if (path := shutil.which(name))}
    return {name: [path, "run", "-b", bundle] for name, path in found.items()}


def seconds(command, environment):
    begin = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def medians(ways, environment, rounds):
    """Way -> the median of its times; the first round of each only warms up."""
    times = {way: [] for way in ways}
    for number in range(rounds + 1):
        for way in random.sample(sorted(ways), len(ways)):
            taken = seconds(ways[way](number), environment)
            if number:
                times[way].append(taken)
    return {way: statistics.median(values) for way, values in times.items()}


def report(found, base):
    for way, median in sorted(found.items(), key=lambda item: item[1]):
        print(f"{way:28} {median * 1000:8.1f} ms   {median / found[base]:5.2f} x {base}")


def main(rounds=25):
    if os.geteuid() != 0:
        sys.exit("startup.py compares what root's containers cost: run it as root")
    hide_hybrid_cgroups()
    with tempfile.TemporaryDirectory() as name, embedded_registry() as address:
        place = Path(name)
        own = {"XDG_DATA_HOME": name, "MINICONTAINER_REGISTRY": address}
        environment = {**os.environ, **own}
        commands = runtimes(make_bundle(place, environment))
        ways = {
            way: lambda number, way=way, command=command: [*command, f"bench-{way}-{number}"]
            for way, command in commands.items()
        }
        report(medians(ways, environment, rounds), "runc" if "runc" in ways else "minirunc")
        whole = [HERE / "minicontainer", "run", "--rm", "workshop/hello"]
        print()
        report(
            medians({"minicontainer run": lambda _: whole}, environment, rounds),
            "minicontainer run",
        )


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))

"""How fast is `unpack`, beside umoci's? Prints medians and ratios (below 1 we are faster).

    python tests/benchmarks/unpack.py [ROUNDS]

Two images of about 100 MB each: many small files, and few large ones. Every round
unpacks into a fresh directory, in a fresh process, in shuffled order.
"""

from __future__ import annotations

import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.step03_image import images

OURS = """
import sys
from pathlib import Path
from minicontainer.step03_image.layout import open_layout, references
from minicontainer.step03_image.unpack import unpack
layout = open_layout(sys.argv[1])
unpack(layout, references(layout)["test"], Path(sys.argv[2]))
"""


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    work = Path(tempfile.mkdtemp(prefix="unpack-"))
    try:
        for title, members in (("many small files", small_files()), ("few large files", large())):
            layout = work / title.replace(" ", "-")
            images.image(layout, images.tar(*members))
            times = measure(layout, work, rounds)
            report(title, times)
    finally:
        shutil.rmtree(work)
    return 0


def small_files() -> list:
    """12,000 files in 1,200 directories, 8 KiB each on average, half of it compressible."""
    chance = random.Random(1)
    members: list = []
    for number in range(12_000):
        folder = f"usr/share/doc/{number // 100:03}/{number // 10:04}"
        if number % 10 == 0:
            members.append(images.directory(folder))
        content = content_of(chance, chance.randrange(0, 16 << 10))
        members.append((images.info(f"{folder}/{number}.txt"), content))
    return members


def large() -> list:
    """20 files of 5 MiB."""
    chance = random.Random(2)
    return [(f"usr/lib/lib{number}.so", content_of(chance, 5 << 20)) for number in range(20)]


def content_of(chance: random.Random, size: int) -> bytes:
    noise = chance.randbytes(size // 2)
    return noise + b"the same words again and again\n" * (size // 62)


def measure(layout: Path, work: Path, rounds: int) -> dict[str, list[float]]:
    commands = {"ours": lambda target: [sys.executable, "-c", OURS, str(layout), target]}
    if shutil.which("umoci"):
        commands["umoci"] = lambda target: [
            *("umoci", "unpack", "--image", f"{layout}:test", target)
        ]
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds):
        for name in random.sample(sorted(commands), len(commands)):
            target = work / f"{layout.name}-{name}-{number}"
            began = time.perf_counter()
            subprocess.run(commands[name](str(target)), check=True, timeout=120)
            times[name].append(time.perf_counter() - began)
    return times


def report(title: str, times: dict[str, list[float]]) -> None:
    medians = {name: statistics.median(values) for name, values in times.items()}
    shown = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in medians.items())
    ratio = f", ratio {medians['ours'] / medians['umoci']:.2f}" if "umoci" in medians else ""
    print(f"{title}: {shown}{ratio}")


if __name__ == "__main__":
    sys.exit(main())

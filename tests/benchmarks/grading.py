"""How long grading takes: `python tests/benchmarks/grading.py [NN …]`.

Wall time, the median of five runs each, of `pytest labs/NN --solutions`, of
`pytest labs/NN` untouched, and until check(f) in a notebook has its first row.
The bars: 1.0 s for labs 03 to 05, 3.0 s for those that start containers.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from minicontainer.workshop.grading.grader import grade
from minicontainer.workshop.labs.lab import Lab, find_labs
from minicontainer.workshop.labs.notebook_answers import saved_answers

ROOT = Path(__file__).resolve().parents[2]
RUNS = 5
BARS = {"03": 1.0, "04": 1.0, "05": 1.0}


def main(wanted: list[str]) -> int:
    """Print a line a lab; 1 if one is above its bar."""
    slow = 0
    print(f"{'lab':<5}{'solutions':>11}{'untouched':>11}{'first row':>11}{'bar':>7}")
    for lab in find_labs(ROOT):
        if wanted and lab.id not in wanted:
            continue
        solved = _median(lambda lab=lab: _pytest(lab, "--solutions"))
        untouched = _median(lambda lab=lab: _pytest(lab))
        first = _median(lambda lab=lab: _first_row(lab))
        bar = BARS.get(lab.id, 3.0)
        slow |= solved > bar or first > 1.0
        print(f"{lab.id:<5}{solved:>9.2f} s{untouched:>9.2f} s{first:>9.2f} s{bar:>5.1f} s")
    return int(slow)


def _median(run: Callable[[], None]) -> float:
    times = []
    for _ in range(RUNS):
        began = time.monotonic()
        run()
        times.append(time.monotonic() - began)
    return statistics.median(times)


def _pytest(lab: Lab, *options: str) -> None:
    command = [sys.executable, "-m", "pytest", f"labs/{lab.id}", *options]
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)


def _first_row(lab: Lab) -> None:
    """What check(f) does until its first row, for the lab's first exercise."""
    answers = saved_answers(lab, "solutions")
    checks = [check for check in lab.checks if check.exercise == lab.names[0]]
    next(grade(lab, answers, checks))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

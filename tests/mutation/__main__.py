"""`python -m tests.mutation [NN | EXERCISE …]`: the share killed, and the survivors as diffs.

`--again` grades also those in the table of survivors, and says which are killed.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

from tests.workshop.learner import LABS

from .survey import Survey, survey

AT_ONCE = 2


def main() -> None:
    """A line for each exercise, and below it what its checks let pass."""
    wanted = {name for name in sys.argv[1:] if not name.startswith("--")}
    chosen = [
        (lab, exercise)
        for lab in LABS
        for exercise in lab.exercises
        if not wanted or wanted & {lab.id, exercise.name}
    ]
    again = "--again" in sys.argv
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for told in pool.map(
            lambda place: _told(survey(*place, again=again), place[1].number), chosen
        ):
            print(told, flush=True)


def _told(found: Survey, number: str) -> str:
    killed, wrong = len(found.killed), len(found.killed) + len(found.survived)
    head = f"{number:<6}{found.exercise:<20}{killed:>4} of {wrong:>3} killed {found.share:>7.1%}"
    parts = [f"{head}{len(found.equivalent):>5} as right"]
    parts += [f"survived\n{said}\n" for said in found.survived]
    parts += [f"the check failed itself\n{said}\n" for said in found.ill_told]
    parts += [f"killed, but in the table\n{s}\n" for s in found.equivalent if s in found.killed]
    return "\n".join(parts)


if __name__ == "__main__":
    main()

"""The runner, which also writes down what misconceptions the checks look for.

`python recorder.py NUMBER`: lines CHECK KEY go to the open file NUMBER.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

from minicontainer.workshop.grading import checks, runner

_plain_expect = checks.expect


class _Tests(runner.Tests):
    running = ""

    def run(self, name: str, seconds: float) -> dict:
        _Tests.running = name
        return super().run(name, seconds)


def _expect(*given: Any, mistakes: Iterable[str] | None = None, **named: Any) -> None:
    lines = [f"{_Tests.running} {key}\n" for key in mistakes or () if key]
    os.write(int(sys.argv[1]), "".join(lines).encode())
    _plain_expect(*given, mistakes=mistakes, **named)


if __name__ == "__main__":
    checks.expect, runner.Tests = _expect, _Tests  # type: ignore[assignment,misc]
    runner.main()

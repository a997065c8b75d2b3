"""Waiting for events, so that no test needs luck or an idle machine.

A bound in seconds only ends a hang. What a thing costs is measured in processor
time, which other programs beside the tests do not change.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

#: far more than anything here takes, however busy the machine is
HANG = 60.0


def until(condition: Callable[[], Any], seconds: float = HANG) -> Any:
    """The first true value of condition(), or its last one after `seconds`."""
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.01)
    return found


@contextlib.contextmanager
def costs_less_than(seconds: float) -> Iterator[None]:
    """The block takes less processor time than that, with the children that it waits for."""
    began = sum(os.times()[:4])
    yield
    took = sum(os.times()[:4]) - began
    assert took < seconds, f"{took:.2f} s of processor time"

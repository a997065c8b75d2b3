"""docs/demo.cast: `minicontainer demo` as a recording (asciicast v2) that a terminal plays back.

What differs in every run (ports, ids, directories, times taken) is written under a fixed
name, and the pace is set by what is shown, not by the clock: two recordings of one machine
are the same text. `essence` leaves out what another machine tells otherwise.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from pathlib import Path

from slides.deck import PROJECT

from .demos import run_at_terminal

CAST = PROJECT / "docs" / "demo.cast"
COLUMNS, ROWS = 100, 30
#: what a line starts with (colours aside) -> seconds before it is shown
_PACE = (("───", 1.5), ("$ ", 1.2), ("  $ ", 0.4), ("   took", 0.4), (" ", 0.08))
_FIXED = (
    (r"/tmp/minicontainer-\w+", "/tmp/jail"),
    (r"\.rootfs\.[0-9a-f]+", ".rootfs.new"),
    (r"(?<=…\.)[0-9a-f]{8}\b", "new"),
    (r"127\.0\.0\.1(:|%3A)\d+", r"127.0.0.1\g<1>5000"),
    (r"  \[\d+(\.\d+)? m?s\]", ""),
    (r"\x1b\[2m   took [^\x1b]*\x1b\[0m\n", ""),
    (r"(minirunc-\S*…)-\d+", r"\1"),
    (r"(?<=web   )\d+|(?<=\n0     )\d+", "4711"),
    (r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "2025-01-01T00:00:00Z"),
    (r"\b(?:\d+ [a-z]+s ago|just now)", "now"),
    (r"\bCREATED +", "CREATED   "),
)
_SCRATCH = re.compile(r"/tmp/mc-\w{8}")
_WRAP = r"(?:\x1b\[0m\n\x1b\[34m       )?"  # where a long line goes on in the next
_CONTAINER = re.compile(r"(?<=/containers/)[0-9a-f]{12}")
_BARS = re.compile(r"(?:[^\n]*(?:━|\r)[^\n]*\n)+\n?")  # of downloads
_EVENT = re.compile(r"\x1b\[\d+m   [$←✓] .*\n(?:\x1b\[\d+m       .*\n)*")
_FETCHES = re.compile(rf"(?<=by their digests\n)(?:{_EVENT.pattern})+")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def record(directory: str) -> str:
    """Play the demo, without waiting, and return the recording; `directory` is for scratch."""
    program = Path(sys.executable).with_name("minicontainer")
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    for name in ("MINICONTAINER_REGISTRY", "TMPDIR"):
        environment.pop(name, None)
    environment |= {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "COLUMNS": str(COLUMNS)}
    printed = run_at_terminal(
        [str(program), "demo", "--auto", "0"], directory, environment, COLUMNS
    )
    return cast(steady(printed))


def steady(printed: str) -> str:
    """What the demo printed, without what differs in every run."""
    text = re.sub(r"\x1b\[(?:\?25[lh]|[0-9]*[AK])|\x1b\[2J\x1b\[H", "", printed)
    text = _BARS.sub("", text.replace("\r\n", "\n"))
    for name in sorted(set(_SCRATCH.findall(text))):
        text = re.sub(_WRAP.join(map(re.escape, name)), "/tmp/demo", text)
    for number, container in enumerate(dict.fromkeys(_CONTAINER.findall(text)), 1):
        text = text.replace(container, f"{number:012x}")
    for pattern, fixed in _FIXED:
        text = re.sub(pattern, fixed, text)
    return _FETCHES.sub(lambda found: _in_order(found[0]), text)


def _in_order(fetches: str) -> str:
    """Blobs fetched at the same time, as if they had come one after the other."""
    told = [event[0] for event in _EVENT.finditer(fetches)]
    marks = {"$": 0, "←": 1, "✓": 2}
    return "".join(
        sorted(told, key=lambda event: (marks[_COLOUR.sub("", event).strip()[0]], event))
    )


def cast(text: str) -> str:
    """`text` as an asciicast: a header, then a line of JSON for each line shown."""
    head = {"version": 2, "width": COLUMNS, "height": ROWS, "title": "minicontainer demo"}
    lines, now = [json.dumps(head)], 0.0
    for line in text.splitlines():
        plain = _COLOUR.sub("", line)
        now += next((seconds for start, seconds in _PACE if plain.startswith(start)), 0.05)
        lines.append(json.dumps([round(now, 2), "o", line + "\r\n"], ensure_ascii=False))
    return "\n".join(lines) + "\n"


def essence(recording: str) -> Counter[str]:
    """What any machine's recording tells, line by line; blobs arrive in any order.

    Left out: system calls, the names and sizes of this machine's files, digests of
    images made of them, the width of columns, and what continues a long line.
    """
    told = [json.loads(line)[2] for line in recording.splitlines()[1:]]
    plain = (_COLOUR.sub("", line).rstrip() for line in told)
    kept = (line for line in plain if not re.match(r"   (?:→|· |    )|ID |web ", line))
    kept = (re.sub(r"[0-9a-f]{12,}…?", "#", line) for line in kept)
    kept = (re.sub(r"\d+(?:\.\d+)?( bytes|MB)|^ +\d+", "N", line) for line in kept)
    return Counter(" ".join(line.split()) for line in kept)  # a column is as wide as a PID

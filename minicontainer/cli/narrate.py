"""Prints the events of explain.py for people: `--explain`, and `--step` for a class.

A step is a numbered heading with its reason in a line or two; below it come the
requests, digests and system calls as they happen, each with the time it took.
Everything goes to standard error, so that a container's output stays its own.
"""

from __future__ import annotations

import mmap
import os
import re
import select
import shutil
import signal
import struct
import sys
import textwrap
import time
from collections import Counter
from typing import TextIO

from minicontainer import explain
from minicontainer.lib.standard_files import PLAIN

_STYLES = {"step": "1;36", "request": "33", "response": "32", "digest": "35", "syscall": "34"}
_CURRENT = struct.Struct("id?")
_WORD = re.compile(r"""(?:'[^']*'|"[^"]*"|\S)+""")
_LONG_HEX = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{28,}\b")
_FEW = 4
_MARKS = {"request": "$ ", "response": "← ", "digest": "✓ ", "syscall": "→ ", "note": "· "}


class Narrator:
    """A listener for explain.py; `pause` waits for Enter before each step but the first.

    It goes on in forked children: the container's first process tells its part too.
    """

    def __init__(self, pause: bool = False) -> None:
        # A copy of its own: the container's process may point 2 elsewhere, and exec closes this.
        encoding = sys.stderr.encoding or "utf-8"
        self._out = os.fdopen(os.dup(2), "w", encoding=encoding, errors=PLAIN)
        self._coloured = self._out.isatty() and "NO_COLOR" not in os.environ
        self._terminal = _open_terminal() if pause else None
        # Of the current step the number and the start, and whether Ctrl-C has ended the pauses:
        # in memory that all these processes share.
        self._current = mmap.mmap(-1, _CURRENT.size)
        self._seen: set[str] = set()
        self._verified: set[str] = set()
        # For a hall: of many calls of one kind in a step, the first few.
        self._brief = os.environ.get("MINICONTAINER_EXPLAIN") == "brief"
        self._calls: Counter[str] = Counter()

    def __call__(self, event: dict) -> None:
        if event["kind"] == "step":
            self._step(event)
        else:
            self._detail(event)
        self._out.flush()

    def interrupt(self, *_: object) -> None:
        """Ctrl-C ends the command; what cleans up after it, in whatever process, waits no more."""
        number, began, _hurried = _CURRENT.unpack(self._current[:])
        self._current[:] = _CURRENT.pack(number, began, True)
        raise KeyboardInterrupt

    def finish(self) -> None:
        """The last step is over: say how long it took."""
        for name, count in self._calls.items():
            if count > _FEW:
                self._say(f"   → {name} {count - _FEW} more times", _STYLES["syscall"])
        self._calls.clear()
        number, began, _ = _CURRENT.unpack(self._current[:])
        if number:
            self._say(f"   took {duration(time.monotonic() - began)}", "2")
            self._out.flush()

    def _step(self, event: dict) -> None:
        self.finish()
        number, _, hurried = _CURRENT.unpack(self._current[:])
        if number and self._terminal is not None and not hurried:
            self._say("   [Enter goes on]", "2")
            self._out.flush()
            hurried = not typed_line(self._terminal)
        self._current[:] = _CURRENT.pack(number + 1, time.monotonic(), hurried)
        self._seen.clear()
        self._say(f"\n{number + 1:2} {_capital(event['text'])}", _STYLES["step"])
        for line in textwrap.wrap(_capital(event.get("why", "")), 76):
            self._say(f"   {line}")

    def _is_told(self, event: dict) -> bool:
        """Whether telling this would only repeat what the reader has seen."""
        text, kind = event["text"], event["kind"]
        if kind == "digest":
            repeated = text in self._verified
            self._verified.add(text)
            return repeated
        if kind != "syscall":
            return False
        # Forty calls that differ in a number tell no more than the first of them.
        shape = re.sub(r"\d+", "", text)
        if shape in self._seen:
            return True
        self._seen.add(shape)
        name = text.partition("(")[0].partition(" ")[0]
        self._calls[name] += self._brief
        return self._calls[name] > _FEW

    def _detail(self, event: dict) -> None:
        if self._is_told(event):
            return
        kind = event["kind"]
        took = f"  [{duration(event['seconds'])}]" if "seconds" in event else ""
        width = max(40, shutil.get_terminal_size((100, 24)).columns - 6 - len(took))
        if kind == "request":  # can be typed as it is
            lines = command_lines(event["text"], width if self._out.isatty() else 0)
        else:  # twelve digits of a digest are enough
            text = _LONG_HEX.sub(r"\1…", event["text"])
            lines = textwrap.wrap(text, width, break_on_hyphens=False) or [""]
        lines[-1] += took
        first = f"   {_MARKS.get(kind, '· ')}{lines[0]}"
        self._say(first, _STYLES.get(kind, "2"), *(f"       {line}" for line in lines[1:]))

    def _say(self, line: str, style: str = "", *more: str) -> None:
        # One write: threads that fetch at the same time must not mix their lines.
        self._out.write("".join(self._shown(each, style) for each in (line, *more)))

    def _shown(self, line: str, style: str) -> str:
        # A registry or an image may send control characters: they must not reach the terminal.
        safe = "".join(c if c.isprintable() or c == "\n" else "�" for c in line)
        return f"\x1b[{style}m{safe}\x1b[0m\n" if self._coloured and style else f"{safe}\n"


def listen(pause: bool = False) -> Narrator:
    """Print every event from now on; the caller calls `finish` on what it gets."""
    narrator = Narrator(pause)
    if pause:
        signal.signal(signal.SIGINT, narrator.interrupt)
    explain.listener = narrator
    return narrator


def command_lines(command: str, width: int) -> list[str]:
    """A shell's command in lines of about `width` (0: in one line) that it takes as they are.

    Lines end between arguments, with a backslash; an argument is never broken.
    """
    lines: list[str] = []
    for word in _WORD.findall(command):
        if lines and (not width or len(lines[-1]) + len(word) + 3 <= width):
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


def duration(seconds: float) -> str:
    """`seconds` as people read it: 0.4 ms, 25 ms, 1.3 s."""
    if seconds >= 1:
        return f"{seconds:.1f} s"
    milliseconds = seconds * 1000
    return f"{milliseconds:.1f} ms" if milliseconds < 10 else f"{milliseconds:.0f} ms"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def typed_line(terminal: TextIO) -> str:
    """The next line typed, "" at the end; Ctrl-C ends the wait, at whatever moment it comes.

    Python looks for signals before it reads: one that comes between the two would be
    noticed after the next Enter. So we wait for either, with a pipe that says that there was one.
    Source: signal.set_wakeup_fd.
    """
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    before = signal.set_wakeup_fd(wake)
    try:
        select.select([terminal.fileno(), woken], [], [])
        return terminal.readline()
    finally:
        signal.set_wakeup_fd(before)
        os.close(wake)
        if before >= 0 and (missed := os.read(woken, 512)):
            os.write(before, missed)
        os.close(woken)


def _open_terminal():
    """Where Enter is read: the terminal itself, as standard input may be the container's."""
    try:
        return open("/dev/tty", encoding="utf-8")
    except OSError:
        return sys.stdin if sys.stdin is not None and sys.stdin.isatty() else None

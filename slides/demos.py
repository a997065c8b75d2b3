"""The commands on the slides, run for real: what is shown below them is what came out.

In: a deck. Out: the output of each of its commands. All commands of a deck run
in one bash, at a terminal of 83 columns, in a directory of its own, beside the
kit's registry. What differs every time is shown under a fixed name (`SHOWN`);
what may differ from the slide without harm is in `MAY_DIFFER`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from minicontainer.registry.mirror import embedded_images
from minicontainer.registry.token_service import Settings
from minicontainer.workshop.stage import Stage, stage
from slides.deck import (
    Command,
    Deck,
    SlidesError,
    commands_of,
    demo_blocks,
)
from slides.storage import tags_of, write_storage

#: the registry's address and the directory, as the slides show them
SHOWN = ("127.0.0.1:5000", "/tmp/demo")
REPOSITORY = "workshop/web"
#: who may pull it in the deck about logins
USERS = {"ada": "engine"}
#: pattern -> what stands for it when the output is compared with the slide
MAY_DIFFER = (
    (r"\beyJ[\w.=-]+", "TOKEN"),
    (r"(?<=\w:\[)\d+(?=\])", "INODE"),  # what /proc/self/ns links to
    (r"(?<=\"pid\":)\d+|(?<=^web )\d+|[2-9]\d*(?= \? )", "PID"),  # of state, list and ps
    (r"\bidea-\w+", "IDEA"),  # the directory that chapter 0 leaves
    (r"\b\d+ bytes: .* for \S+,", "PROGRAM"),  # workshop/hello of this machine's processor
    (r"[ \t]+", " "),
)
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]")
_BAR = re.compile(r"^[0-9a-f]{12} ━.*\n?", re.MULTILINE)  # how far a download is
_SCRATCH = re.compile(r"/tmp/minicontainer-\w+")  # of `minicontainer chroot-demo`
_COLUMNS, _SECONDS = 83, 60
_MARK = "\x1e"


def play(deck: Deck) -> list[list[Command]]:
    """Run the commands of `deck`; block by block, what each of them printed.

    Raises SlidesError when they do not end in a minute.
    """
    blocks = [commands_of(block) for block in deck.demos]
    with _stage(deck) as here:
        names = ((here.host, SHOWN[0]), (quote(here.host), quote(SHOWN[0])))
        typed = [command.text for block in blocks for command in block]
        script = _script([text.replace(SHOWN[0], here.host) for text in typed])
        printed = run_at_terminal(["bash", "-c", script], here.directory, here.environment)
        for real, shown in (*names, (str(here.directory), SHOWN[1])):
            printed = printed.replace(real, shown)
        printed = _SCRATCH.sub("/tmp/jail", printed)
    outputs = iter(_tidy(part) for part in printed.split(_MARK)[1:])
    return [[Command(command.text, next(outputs)) for command in block] for block in blocks]


def renew(path: Path, played: list[list[Command]]) -> None:
    """Write what the commands printed below them in the deck `path`, where it has changed."""
    text = path.read_text(encoding="utf-8")
    for block, commands in zip(demo_blocks(text), played, strict=True):
        pairs = zip(commands_of(block), commands, strict=True)
        fresh = "".join(_as_typed(old if _alike(old, new) else new) for old, new in pairs)
        text = text.replace(f"```console\n{block}```", f"```console\n{fresh}```", 1)
    path.write_text(text, encoding="utf-8")


def comparable(output: str) -> str:
    """`output` without what may differ from the slide."""
    for pattern, name in MAY_DIFFER:
        output = re.sub(pattern, name, output, flags=re.MULTILINE)
    return output


def _alike(old: Command, new: Command) -> bool:
    return old.text == new.text and comparable(old.shown) == comparable(new.shown)


def _as_typed(command: Command) -> str:
    typed = "$ " + command.text.replace("\n", "\n> ") + "\n"
    return typed + (command.shown + "\n" if command.shown else "")


def _script(commands: list[str]) -> str:
    steps = "".join(f"printf '\\036'\n{command}\n" for command in commands)
    return f"stty -opost -echo\n{steps}printf '\\036'\n"


def _tidy(printed: str) -> str:
    lines = _CONTROL.sub("", printed).replace("\r\n", "\n").split("\n")
    text = "\n".join(line.rpartition("\r")[2].rstrip() for line in lines)
    return _BAR.sub("", text).strip("\n")


@contextlib.contextmanager
def _stage(deck: Deck) -> Iterator[Stage]:
    """What the deck's commands find: images, for some decks logins or a registry's storage."""
    number, images = deck.path.name[:2], embedded_images()
    private = (REPOSITORY,) if number == "05" else ()
    with stage(images, Settings(users=USERS, private=private)) as here:
        if number == "00":
            here.environment["TMPDIR"] = str(here.directory)  # chapter 0 leaves its files behind
        if number == "04":
            tags = tags_of(images, REPOSITORY)
            write_storage(images, REPOSITORY, tags, here.directory / "storage")
        yield here


def run_at_terminal(
    argv: list[str], directory: str | Path, environment: Mapping[str, str], columns: int = _COLUMNS
) -> str:
    """What `argv` prints at a terminal of its own. Raises SlidesError after a minute."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    child = subprocess.Popen(
        argv,
        cwd=directory,
        env=dict(environment),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        return b"".join(_read_all(ours)).decode(errors="replace")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        os.close(ours)


def _read_all(ours: int) -> Iterator[bytes]:
    deadline = time.monotonic() + _SECONDS
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([ours], [], [], left)[0]:
            raise SlidesError("the commands of a deck do not end", "", "See slides/README.md.")
        try:
            chunk = os.read(ours, 1 << 16)
        except OSError:  # EIO: the last program has closed the terminal
            return
        if not chunk:
            return
        yield chunk

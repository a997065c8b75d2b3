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
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from minicontainer.registry.server import running_registry
from minicontainer.registry.token_service import Settings
from minicontainer.cli.demo import sweep_stage
from minicontainer.registry.mirror import REGISTRY_VARIABLE, embedded_images

from .deck import Command, Deck, SlidesError, commands_of, demo_blocks
from .storage import tags_of, write_storage

#: the registry's address and the directory, as the slides show them
SHOWN = ("127.0.0.1:5000", "/tmp/demo")
#: who may pull workshop/web in the deck about logins
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
    with _stage(deck) as (directory, environment, address):
        names = ((address, SHOWN[0]), (address.replace(":", "%3A"), SHOWN[0].replace(":", "%3A")))
        typed = [command.text for block in blocks for command in block]
        script = _script([text.replace(SHOWN[0], address) for text in typed])
        printed = run_at_terminal(["bash", "-c", script], directory, environment)
        for real, shown in (*names, (directory, SHOWN[1])):
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
def _stage(deck: Deck) -> Iterator[tuple[str, dict[str, str], str]]:
    """A directory, an environment that knows nothing of this machine's user, a registry."""
    number = deck.path.name[:2]
    settings = Settings(users=USERS, private=("workshop/web",) if number == "05" else ())
    images = embedded_images()
    directory = tempfile.mkdtemp(prefix="demo-")
    try:
        if number == "04":
            repository = "workshop/web"
            write_storage(
                images, repository, tags_of(images, repository), Path(directory, "storage")
            )
        with running_registry(images, settings) as address:
            environment = _environment(directory, address)
            if number == "00":
                environment["TMPDIR"] = directory  # chapter 0 leaves its files behind
            yield directory, environment, address
    finally:
        sweep_stage(directory)


def _environment(directory: str, address: str) -> dict[str, str]:
    path = f"{os.path.dirname(sys.executable)}:{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    return {
        "PATH": path,
        "HOME": directory,
        "XDG_DATA_HOME": f"{directory}/data",
        "XDG_RUNTIME_DIR": f"{directory}/run",
        REGISTRY_VARIABLE: address,
        "NO_COLOR": "1",
        "TERM": "dumb",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }


def run_at_terminal(
    argv: list[str], directory: str, environment: Mapping[str, str], columns: int = _COLUMNS
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

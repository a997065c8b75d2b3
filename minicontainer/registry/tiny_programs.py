"""Two programs that need nothing but a kernel: one says hello, one serves a page.

In: the processor. Out: a static executable of a few hundred bytes, written as
the system calls it makes. Their manual pages: write(2), exit(2); socket(2),
bind(2), listen(2), accept(2), sendfile(2), ip(7).
"""

from __future__ import annotations

import struct

from .machine_code import Machine
from .tiny_elf import At, Call, Data, Jump, Mark, Saved, Step, link

STDOUT, STDERR = 1, 2
PORT = 8080
PAGE = "/srv/index.html"
SIGINT, SIGPIPE, SIGTERM = 2, 13, 15
SIG_IGN = 1
SA_RESTORER = 0x04000000
AF_INET, SOCK_STREAM = 2, 1
SOL_SOCKET, SO_REUSEADDR = 1, 2
AT_FDCWD = -100
GREETING = """
Hello from a container!

You are looking at the work of {size} bytes: one static program for linux/{name},
assembled by the workshop itself. To show you this text,
  1. the name workshop/hello was taken apart, and a registry was asked for it;
  2. the registry's index led to the manifest for this machine's processor;
  3. its only layer was fetched, verified by its sha256, and unpacked;
  4. the program was started in namespaces of its own.
Next: try  minicontainer run -it workshop/shell
"""


def hello_program(machine: Machine) -> bytes:
    """Prints the greeting, with its own size in it, and exits with 0."""
    size = 0
    while True:  # the size changes the text, and the text the size
        message = GREETING.format(size=size, name=machine.name).encode()
        steps: list[Step] = [
            Call("write", (STDOUT, At("message"), len(message))),
            Call("exit", (0,)),
        ]
        program = link(machine, steps, {"message": message}, {})
        if len(program) == size:
            return program
        size = len(program)


def web_program(machine: Machine) -> bytes:
    """Answers every request on PORT with the file PAGE; ends at SIGINT and SIGTERM."""
    started = f"workshop/web: serving {PAGE} on port {PORT}\n".encode()
    failed = f"workshop/web: can't listen on port {PORT}\n".encode()
    answer = b"HTTP/1.0 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    data: dict[str, Data] = {
        "started": started,
        "failed": failed,
        "answer": answer,
        "page": PAGE.encode() + b"\0",
        "address": struct.pack("<H", AF_INET) + struct.pack(">H", PORT) + bytes(12),
        "one": struct.pack("<I", 1),
        "ending": signal_action(machine, At("end")),
        "ignoring": signal_action(machine, SIG_IGN),
    }
    steps = web_steps(*(len(text) for text in (started, failed, answer)))
    return link(machine, steps, data, {"request": 4096})


def web_steps(started: int, failed: int, answer: int) -> list[Step]:
    """What the web server does; its arguments are the lengths of its texts."""
    return [
        Call("rt_sigaction", (SIGINT, At("ending"), 0, 8)),
        Call("rt_sigaction", (SIGTERM, At("ending"), 0, 8)),
        Call("rt_sigaction", (SIGPIPE, At("ignoring"), 0, 8)),
        Call("socket", (AF_INET, SOCK_STREAM, 0), keep=0),
        Call("setsockopt", (Saved(0), SOL_SOCKET, SO_REUSEADDR, At("one"), 4)),
        Call("bind", (Saved(0), At("address"), 16), on_error="fail"),
        Call("listen", (Saved(0), 16), on_error="fail"),
        Call("write", (STDOUT, At("started"), started)),
        Mark("next"),
        Call("accept", (Saved(0), 0, 0), keep=1),
        Call("read", (Saved(1), At("request"), 4096)),
        Call("write", (Saved(1), At("answer"), answer)),
        Call("openat", (AT_FDCWD, At("page"), 0), keep=2),
        Call("sendfile", (Saved(1), Saved(2), 0, 1 << 20)),
        Call("close", (Saved(2),)),
        Call("close", (Saved(1),)),
        Jump("next"),
        Mark("fail"),
        Call("write", (STDERR, At("failed"), failed)),
        Call("exit", (1,)),
        Mark("end"),
        Call("exit", (0,)),
    ]


def signal_action(machine: Machine, handler: int | At) -> list[int | At]:
    """The kernel's struct sigaction: handler, flags, restorer, mask (sigaction(2))."""
    if machine.name == "amd64":
        return [handler, SA_RESTORER, At("end"), 0]
    return [handler, 0, 0, 0, 0]

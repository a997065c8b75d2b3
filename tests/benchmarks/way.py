"""How far is it from `main` to the container's program, for someone who reads along?

    python tests/benchmarks/way.py [-v]

`minicontainer run --rm workshop/hello` is run twice, from a registry and then from the
store; every function of ours that is called until execve (by the command, and by init) is
written down when it is first met: a reader reads each one once. With -v: which, in order.
Left out are what only tells (explain.py), class bodies and comprehensions.
"""

import inspect
import itertools
import os
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import minicontainer
from minicontainer.cli import minicontainer as command
from minicontainer.registry.mirror import REGISTRY_VARIABLE, embedded_registry

PACKAGE = f"{Path(minicontainer.__file__).parent}/"


class Step(NamedTuple):
    """A function that is met for the first time."""

    file: str
    function: str


def recorder(log):
    """What sys.setprofile calls: a line in the file `log` for each call of ours, and for execve."""
    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC)

    def note(frame, event, argument):
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(PACKAGE):
            # no bodies of modules and classes, no comprehensions and generator expressions
            if code.co_flags & inspect.CO_OPTIMIZED and not code.co_name.startswith("<"):
                file = code.co_filename.removeprefix(PACKAGE)
                os.write(out, f"{file} {code.co_name}\n".encode())
        elif event == "c_call" and argument.__name__ == "execve":
            os.write(out, b"execve\n")

    return note


def run(log):
    """`minicontainer run` in a child process that is recorded."""
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.setprofile(recorder(log))
        status = command.main(["run", "--rm", "workshop/hello"])
        sys.setprofile(None)
        os._exit(status)
    if os.waitpid(pid, 0)[1] != 0:
        sys.exit("minicontainer run failed")


def first_met(log):
    """The functions up to the last execve, each where it is met for the first time."""
    calls = Path(log).read_text().splitlines()
    last = max(number for number, call in enumerate(calls) if call == "execve")
    met = dict.fromkeys(call for call in calls[:last] if call != "execve")
    return [step for step in (Step(*call.split()) for call in met) if step.file != "explain.py"]


def figures(way):
    """How many files, functions and changes of file a way has."""
    files = [step.file for step in way]
    changes = sum(one != next for one, next in itertools.pairwise(files))
    return len(set(files)), len(way), changes


def ways():
    """The way of a first run, whose image is pulled, and of one from the store."""
    with tempfile.TemporaryDirectory() as place, embedded_registry() as address:
        own = {"XDG_DATA_HOME": f"{place}/data", "XDG_RUNTIME_DIR": place}
        os.environ |= {**own, REGISTRY_VARIABLE: address}
        for name in ("pulled", "from the store"):
            run(f"{place}/{name}")
            yield name, first_met(f"{place}/{name}")


def main(verbose):
    for name, way in ways():
        above = [step for step in way if "/" in step.file and not step.file.startswith("lib/")]
        print("{}: {} files, {} functions, {} changes of file".format(name, *figures(way)))
        print("  without lib and ground: {}, {}, {}".format(*figures(above)))
        for file, steps in itertools.groupby(way if verbose else [], lambda step: step.file):
            print(f"  {file:36} {', '.join(step.function for step in steps)}")


if __name__ == "__main__":
    main("-v" in sys.argv[1:])

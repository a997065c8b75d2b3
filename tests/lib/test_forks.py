"""Ctrl-C exactly where one process becomes two: no second copy of the caller, no child left."""

import re
import signal
from pathlib import Path

import pytest

from minicontainer import linux
from tests.programs import needs_namespaces
from tests.step01_chroot.throwaway import play

#: os.fork and the system call clone, in which SIGINT comes to one side; what is left at the end
_BEGINNING = """
import time
from minicontainer.lib.processes import in_child, run_program
from minicontainer.lib.user_namespace import enter_user_namespace, mapping
from minicontainer.step06_run.monitor import start_monitor

side, me = sys.argv[1], os.getpid()

def interrupted(split):
    def split_and_interrupt(*arguments):
        pid = split(*arguments)
        if (pid > 0) == (side == "parent"):
            os.kill(os.getpid(), signal.SIGINT)
        return pid
    return split_and_interrupt

os.fork, linux._syscall = interrupted(os.fork), interrupted(linux._syscall)
try:
    {call}
    said = "returned"
except KeyboardInterrupt:
    said = "interrupted"
except Exception as problem:
    said = str(problem)
me == os.getpid() or print("a second process")
print(said, flush=True)
try:
    print("left:", os.waitpid(-1, os.WNOHANG))
except ChildProcessError:
    print("left: none")
"""

#: a call that forks -> what it comes to when the child alone is interrupted
CALLS = {
    "run(['sleep', '30'])": "returned",
    "in_child(lambda: time.sleep(30))": "returned",
    "run_program('/bin/sleep', ['sleep', '30'], {}, b'', None)": "returned",
    "start_monitor(lambda: None).dismiss()": "returned",
    "linux.clone(0) and os.wait() or time.sleep(30)": "returned",
    "enter_user_namespace(0, [mapping(0, os.getuid())], [mapping(0, os.getgid())])": (
        "no user namespace: what maps its users has died"
    ),
}


@needs_namespaces
@pytest.mark.parametrize("side", ["parent", "child"])
@pytest.mark.parametrize("call", CALLS)
def test_interrupted_where_it_forks(call, side):
    done = play(_BEGINNING.format(call=call), side)
    said = "interrupted" if side == "parent" else CALLS[call]
    assert done.stdout.splitlines() == [said, "left: none"], done.stderr
    assert "Traceback" not in done.stderr and done.returncode == 0


@needs_namespaces
@pytest.mark.parametrize("side", ["parent", "child"])
def test_of_two_one_goes_on_for_the_caller(side):
    call = "new_namespaces(linux.CLONE_NEWPID | linux.CLONE_NEWUSER)"
    done = play(_BEGINNING.format(call=call), side)
    if side == "child":  # it goes on, so it is told; the caller ends as it does
        assert done.stdout.splitlines() == ["a second process", "interrupted", "left: none"]
        assert done.returncode == 0
    else:
        assert done.returncode == -signal.SIGINT
        assert "interrupted" not in done.stdout


@pytest.mark.parametrize("raises", ["1 / 0", "sys.exit(0)", "raise KeyboardInterrupt"])
def test_what_a_child_raises_ends_there(raises):
    code = f"""
    from minicontainer.lib.processes import in_child
    def act():
        {raises}
    print(in_child(act), in_child(lambda: None), in_child(lambda: 7))
    print(in_child(lambda: os.kill(os.getpid(), signal.SIGTERM)))
    """
    assert play(code).stdout.splitlines() == ["1 0 7", "143"]


def test_there_is_one_way_to_fork():
    texts = {path: path.read_text() for path in Path(linux.__file__).parent.rglob("*.py")}
    forks = re.compile(r"= os\.fork|[(]os\.fork")
    assert [path.name for path, text in texts.items() if forks.search(text)] == ["linux.py"]

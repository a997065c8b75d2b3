"""How does a bundle become a container, run, and disappear? The five verbs.

create makes everything but runs nothing of the user's; start lets the program
go; kill sends it a signal; delete undoes what create did. Each refuses a
container in the wrong status, without effect.
Spec: runtime-spec, runtime.md, "Operations" and "Lifecycle".
"""

from __future__ import annotations

import _signal
import os
import select
import time

from minicontainer import explain
from minicontainer.errors import ContainerError, WrongState
from minicontainer.lib import cgroups
from minicontainer.lib.channel import Channel
from minicontainer.lib.files import write_whole
from minicontainer.lib.processes import end_child, in_pid_namespace_of, send_signal, signal_number

from .bundle import load_bundle
from .hooks import run_hooks
from .init import spawn_init
from .state import (
    fifo_path,
    is_alive,
    load,
    new_record,
    public_state,
    remove,
    reserve,
    save,
    start_time,
    state,
)


def create(
    root: str,
    id: str,
    bundle: str,
    *,
    pid_file: str | None = None,
    console_socket: str | int | None = None,
    preserve_fds: int = 0,
    die_with_parent: bool = False,
) -> int:
    """Make the container `id` from `bundle`: all of it, but its program waits.

    Returns the pid of its init, a child of ours, which sleeps until `start`;
    writes it to `pid_file` too. The hooks of the kinds "prestart" and then
    "createRuntime" run when init's file tree is built; they are told the
    status "creating". Whatever fails, also by KeyboardInterrupt, nothing is
    left behind and the error goes on to the caller; another container that
    has the id is not touched.

    Raises ContainerError.
    Spec: runtime-spec, runtime.md, "Create" and "Lifecycle".
    """
    config = load_bundle(bundle)
    options = init_options(config, console_socket, preserve_fds, die_with_parent)
    record = new_record(id, bundle, config)
    reserve(root, record)
    try:
        init = spawn_init(root, record, options)
        creating = public_state(record, "creating")
        for kind in ("prestart", "createRuntime"):
            run_hooks(config.get("hooks", {}), kind, creating)
        init.finish(config, creating)
        save(root, record)
        write_pid_file(pid_file, init.pid)
    except BaseException:
        undo_create(root, record)
        raise
    return init.pid


def start(root: str, id: str) -> None:
    """Let the program of the created container `id` run; returns when it does.

    Then the "poststart" hooks run; they are told the status "running".

    Raises WrongState, without any effect, when the container is not
    "created"; ContainerError when init can't become the program.
    Spec: runtime-spec, runtime.md, "Start" and "Lifecycle".
    """
    found = state(root, id)
    if found["status"] != "created":
        raise WrongState(f"cannot start a container that is {found['status']}", id)
    wake_init(root, id, found["pid"])
    hooks = load(root, id)["config"].get("hooks", {})
    run_hooks(hooks, "poststart", {**found, "status": "running"})


def kill(root: str, id: str, signal: str | int = "SIGTERM", all: bool = False) -> None:
    """Send `signal` (9, "9", "KILL" or "SIGKILL") to the container's init.

    With `all`, to every process of the container, also when init has ended.

    Raises ContainerError for a signal that does not exist; without `all`,
    WrongState for a container that is not created, running or paused.
    Then nobody gets a signal.
    Spec: runtime-spec, runtime.md, "Kill".
    """
    number = signal_number(signal)
    found = state(root, id)
    if found["status"] not in ("created", "running", "paused") and not all:
        raise WrongState(f"cannot kill a container that is {found['status']}", id)
    for pid in processes(load(root, id)) if all else [found["pid"]]:
        send_signal(pid, number)


def delete(root: str, id: str, force: bool = False) -> None:
    """Undo what create did, then run the "poststop" hooks.

    What is left of the container's processes is ended, its cgroup and its
    directory are removed. The hooks are told the status "stopped". With
    `force` a container in any status is deleted, one that does not exist is
    no error, and one whose record is damaged is removed, without hooks.

    Raises WrongState, without any effect, when it is not stopped;
    NoSuchContainer, or ContainerError for a damaged record.
    Spec: runtime-spec, runtime.md, "Delete" and "Lifecycle".
    """
    try:
        record = load(root, id)
        status = state(root, id)["status"]
    except ContainerError:  # damaged, not there, or deleted by somebody else just now
        if not force:
            raise
        remove(root, id)
        return
    if status != "stopped" and not force:
        hint = f"`minirunc kill {id} KILL` stops it, `minirunc delete --force {id}` does both"
        raise WrongState(f"cannot delete a container that is {status}", id, hint)
    destroy(root, record)
    run_hooks(record["config"].get("hooks", {}), "poststop", public_state(record, "stopped"))


def pause(root: str, id: str) -> None:
    """Stop every process of a running container where it is. Raises WrongState."""
    _expect(root, id, "running", "pause")
    cgroups.freeze(load(root, id)["cgroup"], True)


def resume(root: str, id: str) -> None:
    """Let a paused container go on. Raises WrongState."""
    _expect(root, id, "paused", "resume")
    cgroups.freeze(load(root, id)["cgroup"], False)


def init_options(
    config: dict, console_socket: str | int | None, preserve_fds: int, die_with_parent: bool
) -> dict:
    """What init is told beside its configuration; the console's socket is connected here.

    A connected one (a number) waits for a terminal, whether or not the process has one.
    """
    wanted = config["process"].get("terminal", False)
    if wanted and console_socket is None:
        hint = "give --console-socket, or run it in the foreground"
        raise ContainerError("cannot allocate a terminal: nobody is there to take it", "", hint)
    if isinstance(console_socket, str) and not wanted:
        raise ContainerError("a console socket is of use only when process.terminal is true")
    if wanted:
        from minicontainer.lib import terminal  # now: in the container its file is out of reach

        if isinstance(console_socket, str):
            console_socket = terminal.connect_console(console_socket)
    kept = {"preserve_fds": preserve_fds, "die_with_parent": die_with_parent}
    return {"console": console_socket if wanted else None, **kept}


def write_pid_file(path: str | None, pid: int) -> None:
    """Write the number, complete at once and without a newline, as engines read it."""
    if path is None:
        return
    try:
        write_whole(path, str(pid).encode())
    except OSError as error:
        raise ContainerError(f"cannot write the pid file: {error.strerror}", path) from None


def undo_create(root: str, record: dict) -> None:
    """After a failure: end init, a child of ours, remove the cgroup and the state directory."""
    if record["init"]:
        end_child(record["init"]["pid"])
    destroy(root, record)


def wake_init(root: str, id: str, pid: int) -> None:
    """Open init's FIFO and wait until init has become the program. Raises what it reports."""
    try:
        pidfd = os.pidfd_open(pid)  # before it wakes: a short program may be gone by then
    except ProcessLookupError:
        raise WrongState("cannot start a container that is stopped", id) from None
    explain.step("start", "init wakes up and becomes the program")
    opened = [pidfd]
    try:
        fifo = take_fifo(root, id)
        opened.append(fifo)
        select.select(opened, [], [])
        os.set_blocking(fifo, True)
        Channel(fifo, fifo).receive()
    except EOFError:
        return  # closed without a word: exec has succeeded
    finally:
        for fd in opened:
            os.close(fd)


def take_fifo(root: str, id: str) -> int:
    """Open the FIFO on which init waits, for reading, and remove it; of several starts one wins.

    Raises WrongState for the others.
    """
    path = fifo_path(root, id)
    mine = f"{path}.{os.getpid()}"
    try:
        os.rename(path, mine)
    except FileNotFoundError:
        raise WrongState("cannot start a container that is running", id) from None
    fifo = os.open(mine, os.O_RDONLY | os.O_NONBLOCK)
    os.unlink(mine)
    return fifo


def destroy(root: str, record: dict) -> None:
    """End what is left of the container's processes, then remove its cgroup and directory."""
    end = time.monotonic() + 10
    left = processes(record)
    while left and time.monotonic() < end:
        for pid in left:
            send_signal(pid, _signal.SIGKILL)
        if cgroups.is_frozen(record["cgroup"]):
            cgroups.freeze(record["cgroup"], False)
        time.sleep(0.002)
        left = processes(record)
    cgroups.remove_cgroup(record["cgroup"])
    remove(root, record["id"])


def processes(record: dict) -> list[int]:
    """The host's pids of the container's processes that run (zombies have ended).

    Its cgroup lists them; without one, those in init's pid namespace are meant.
    """
    found = cgroups.processes(record["cgroup"])
    init = record["init"]
    if init and is_alive(init):
        if not record["cgroup"]["paths"]:
            found = in_pid_namespace_of(init["pid"])
        found = sorted({init["pid"], *found})
    return [pid for pid in found if start_time(pid) is not None]


def _expect(root: str, id: str, status: str, verb: str) -> None:
    found = state(root, id)["status"]
    if found != status:
        raise WrongState(f"cannot {verb} a container that is {found}", id)

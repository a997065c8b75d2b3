"""What does the container's first process do before it becomes the user's program?

It is cloned into its namespaces, builds the file tree around itself, goes
into it for good, gives up its rights, finds the program, and then waits on a
FIFO until `start` opens the other end. Every failure travels to the runtime
over the channel; after the last step it travels to `start` over the FIFO.
Spec: runtime-spec, runtime.md, "Lifecycle", steps 2 to 9.
"""

from __future__ import annotations

import _signal
import os
import sys

from minicontainer import explain, linux
from minicontainer.errors import ContainerError
from minicontainer.lib.cgroups import join_cgroup, plain_mounts
from minicontainer.lib.channel import Channel, open_channel
from minicontainer.lib.paths import open_inside
from minicontainer.lib.processes import end_child
from minicontainer.lib.user_namespace import become_root, write_mappings

from . import namespaces, process
from .cgroups import create_cgroup
from .hooks import run_hooks
from .mounts import apply_mounts
from .root import add_devices, make_readonly, mask_paths, pivot, prepare_root
from .state import fifo_path, process_identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Init:
    """The first process of a container, as the runtime sees it while it makes the container."""

    def __init__(self, pid: int, channel: Channel) -> None:
        self.pid, self.channel = pid, channel

    def receive(self) -> None:
        """Wait until init says that its next part is done. Raises what went wrong there."""
        try:
            self.channel.receive()
        except EOFError:
            raise ContainerError("the container's first process died on the way") from None

    def finish(self, config: dict, state: dict) -> None:
        """The runtime's hooks have run: let init go on until it waits for `start`."""
        process.set_limits(self.pid, config["process"])
        self.channel.send(state=state)
        self.receive()
        self.channel.close()


def spawn_init(root: str, record: dict, options: dict) -> Init:
    """Start init in its namespaces and cgroup; returns when its file tree is built.

    From then on record["init"] tells which process it is. `options` holds console
    (a connected socket or None), preserve_fds, die_with_parent.
    """
    config, cgroup = record["config"], record["cgroup"]
    if "seccomp" in config["linux"]:
        explain.emit("note", "linux.seccomp is not applied: this runtime filters no system calls")
    create_cgroup(cgroup, config["linux"].get("resources", {}))
    fifo = os.open(fifo_path(root, record["id"]), os.O_PATH)
    try:
        sys.stdout.flush()  # else what waits there is written twice
        return spawn(record, lambda channel: live(config, cgroup, channel, fifo, options))
    finally:
        os.close(fifo)


def spawn(record: dict, live: Callable[[Channel], None]) -> Init:
    """Clone a child into its namespaces; returns when it has built its file tree.

    Its user namespace, if it is a new one, gets the mappings of linux.uidMappings
    and linux.gidMappings, and the child is moved into record["cgroup"]. Until both
    is done it waits; then it calls `live(channel)`, which sends a message when
    the tree is built. The child never returns from here: when `live` does, it ends.

    Then record["init"] is made to say which process it is. Whatever fails before,
    also by KeyboardInterrupt, the child is ended and waited for, and the error
    goes on to the caller.

    Raises ContainerError: what the child reports, or that it died without a word.
    Source: clone(2), pipe(7), user_namespaces(7), wait(2).
    """
    config, wanted = record["config"], namespaces.wanted(record["config"])
    new = [kind for kind, path in wanted.items() if not path and kind not in namespaces.LATER]
    flags = sum(namespaces.TYPES[kind][0] for kind in new)
    here, there = open_channel()
    pid = namespaces.clone_into(wanted, flags)
    if pid == 0:
        try:
            here.close()
            there.receive()
            live(there)
        finally:
            os._exit(1)
    try:
        there.close()
        if "user" in new:
            write_mappings(pid, config["linux"]["uidMappings"], config["linux"]["gidMappings"])
        join_cgroup(record["cgroup"], pid)
        here.send(go=True)
        init = Init(pid, here)
        init.receive()
        record["init"] = process_identity(pid)
        return init
    except BaseException:
        end_child(pid)
        raise


def live(config: dict, cgroup: dict, channel: Channel, fifo: int, options: dict) -> None:
    """Init's whole life; never returns."""
    try:
        build(config, cgroup)
        channel.send(built=True)
        state = channel.receive()["state"]
        run_hooks(config.get("hooks", {}), "createContainer", state)
        own_files = os.open("/proc/self/fd", os.O_PATH)
        move_in(config, options["console"])
        prepared = process.prepare(config["process"])
        if options["die_with_parent"]:
            # after the change of user, which forgets it; if the parent is dead, send() fails
            linux.prctl(linux.PR_SET_PDEATHSIG, _signal.SIGKILL)
        explain.emit("note", "init waits on the FIFO until `start` opens it")
        channel.send(ready=True)
    except BaseException as error:
        _give_up(channel, error)
    report = -1
    try:
        report = wait_for_start(str(fifo), own_files)
        hook_state = {**state, "status": "created"}
        run_hooks(config.get("hooks", {}), "startContainer", hook_state)
        process.execute(prepared, options["preserve_fds"])
    except BaseException as error:
        _give_up(Channel(fifo, report), error)


def build(config: dict, cgroup: dict) -> None:
    """Set up what the namespaces hold: names, network, mounts, devices."""
    os.setsid()
    os.umask(0o022)
    new = [kind for kind, path in namespaces.wanted(config).items() if not path]
    if "user" in namespaces.wanted(config):
        become_root()
    if "cgroup" in new:
        linux.unshare(linux.CLONE_NEWCGROUP)
    if "network" in new:
        namespaces.bring_up_loopback()
    if config.get("hostname"):
        linux.sethostname(config["hostname"])
    if config.get("domainname"):
        linux.setdomainname(config["domainname"])
    root = config["root"]["path"]
    prepare_root(root)
    apply_mounts(root, plain_mounts(config, cgroup))
    add_devices(root, config)
    os.close(open_inside(root, config["process"]["cwd"], "directory"))
    if "sysctl" in config["linux"]:
        from minicontainer.lib.sysctls import write_sysctls  # seldom needed

        write_sysctls(root, config["linux"]["sysctl"], namespaces.wanted(config))
    mask_paths(root, config["linux"])


def move_in(config: dict, console: int | None) -> None:
    """Make the file tree ours for good, and take the terminal in it."""
    pivot(config["root"]["path"], config)
    if console is not None:
        from minicontainer.lib.terminal import take_terminal

        take_terminal(config["process"], console, bind_console=True)
    if config["root"].get("readonly"):
        make_readonly()


def wait_for_start(fifo: str, directory: int) -> int:
    """Sleep until `start` opens the FIFO for reading; our end, open to write to.

    `fifo` is its name in the directory that the file descriptor `directory`
    has open. While it sleeps, SIGTERM, SIGINT, SIGHUP and SIGQUIT end the
    process at once, with status 128 + the signal.

    Our end has to close by itself when the process becomes the program: so
    `start` learns that all went well.
    Source: fifo(7), pid_namespaces(7) (signals to process 1), open(2).
    """
    for number in (_signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP, _signal.SIGQUIT):
        _signal.signal(number, lambda number, _: os._exit(128 + number))
    return os.open(fifo, os.O_WRONLY, dir_fd=directory)


def _give_up(channel: Channel, error: BaseException) -> None:
    try:
        if not isinstance(error, EOFError):
            channel.send_error(error)
    finally:
        os._exit(1)

"""How does a second process get into a running container?

It joins the namespaces of init, one after the other, then gives up its rights
and becomes its program, just as init did; only there is nothing to build.
In: the container's id and a `process` as in config.json. Out: the exit status.
Spec: setns(2); runc's `exec`, since the runtime-spec does not define it.
"""

from __future__ import annotations

import os
import sys

from minicontainer import explain
from minicontainer.errors import BundleError, ContainerError, WrongState
from minicontainer.lib.cgroups import join_cgroup
from minicontainer.lib.channel import Channel, open_channel
from minicontainer.lib.config_schema import PROCESS, check_process
from minicontainer.lib.foreground import Foreground
from minicontainer.lib.shapes import check
from minicontainer.lib.user_namespace import become_root
from minicontainer.step02_runtime import namespaces, process
from minicontainer.step02_runtime.bundle import read_json
from minicontainer.step02_runtime.lifecycle import init_options, write_pid_file
from minicontainer.step02_runtime.state import state


def exec_process(
    root: str,
    record: dict,
    wanted: dict,
    *,
    detach: bool = False,
    pid_file: str | None = None,
    console_socket: str | int | None = None,
    preserve_fds: int = 0,
) -> int:
    """Run the process `wanted` in the container of `record`; its exit status, or 0 when detached.

    In the foreground with `terminal` true, our terminal becomes its terminal.

    Raises WrongState, ContainerError (also when the program can't be found).
    """
    found = state(root, record["id"])
    if found["status"] not in ("running", "created"):
        raise WrongState(
            f"cannot run a process in a container that is {found['status']}", found["id"]
        )

    def begin(console: str | int | None) -> int:
        options = init_options({"process": wanted}, console, preserve_fds, False)
        pid = spawn_in(found["pid"], record, wanted, options)
        write_pid_file(pid_file, pid)
        return pid

    if detach:
        begin(console_socket)
        return 0
    with Foreground(wanted.get("terminal", False)) as foreground:
        return foreground.stay(begin(foreground.console))


def process_from_options(record: dict, asked: dict, args: list[str]) -> dict:
    """The `process` that the command line of `minirunc exec` describes (minirunc_options.py).

    --process gives all of it; otherwise it is the container's own with other
    arguments and what --env, --user, --cwd, --tty … say. Raises BundleError.
    """
    if "--process" in asked:
        wanted = read_json(asked["--process"])
        check(wanted, PROCESS, "process", BundleError)
    else:
        own = record["config"]["process"]
        env = [*own.get("env", []), *asked.get("--env", [])]
        wanted = {**own, "args": args[1:] if args[:1] == ["--"] else args, "env": env}
        wanted["terminal"] = False
        if "--user" in asked:
            uid, _, gid = asked["--user"].partition(":")
            wanted["user"] = {"uid": _number(uid), "gid": _number(gid or "0")}
        for name in asked.get("--cap", []):
            _add_capability(wanted, name)
    wanted["cwd"] = asked.get("--cwd") or wanted.get("cwd") or "/"
    wanted["terminal"] = "--tty" in asked or wanted.get("terminal", False)
    wanted["noNewPrivileges"] = "--no-new-privs" in asked or wanted.get("noNewPrivileges", False)
    check_process(wanted, "process")
    return wanted


def spawn_in(init: int, record: dict, wanted: dict, options: dict) -> int:
    """Start `wanted` in the namespaces and cgroup of the process `init`.

    Returns its pid once it has become its program. Raises ContainerError.
    """
    here, there = open_channel()
    explain.step("join the container", f"the namespaces of process {init}, by setns")
    joined = [
        (kind, namespaces.open_namespace(f"/proc/{init}/ns/{name}"))
        for kind, (_, name) in namespaces.TYPES.items()
        if kind != "time"
    ]

    sys.stdout.flush()
    pid = namespaces.clone_through_helper(joined, 0)
    if pid == 0:
        here.close()
        _live(record["config"], wanted, there, options)
    try:
        there.close()
        join_cgroup(record["cgroup"], pid)
        process.set_limits(pid, wanted)
        here.send(go=True)
        here.receive()
    except EOFError:
        return pid  # closed without a word: exec has succeeded
    except BaseException:
        os.waitpid(pid, 0)
        raise
    finally:
        here.close()
    raise ContainerError("the process said more than it should")


def _live(config: dict, wanted: dict, channel: Channel, options: dict) -> None:
    """The new process: finish what init finished before it; never returns."""
    try:
        channel.receive()
        os.setsid()
        if "user" in namespaces.wanted(config):
            become_root()
        if options["console"] is not None:
            from minicontainer.lib.terminal import take_terminal

            take_terminal(wanted, options["console"], bind_console=False)
        process.execute(process.prepare(wanted), options["preserve_fds"])
    except EOFError:
        pass
    except BaseException as error:
        channel.send_error(error)
    finally:
        os._exit(1)


def _number(text: str) -> int:
    if not text.isdecimal():
        raise BundleError(f"must be UID or UID:GID in numbers, not {text!r}", "--user")
    return int(text)


def _add_capability(wanted: dict, name: str) -> None:
    sets = wanted.get("capabilities", {})
    changed = {kind: [*sets.get(kind, []), name] for kind in ("bounding", "effective", "permitted")}
    wanted["capabilities"] = {**sets, **changed}

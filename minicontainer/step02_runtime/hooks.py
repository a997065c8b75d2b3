"""When do other people's programs have a say? At six points of a container's life.

A hook is a program with args, env and a timeout; it reads the container's
state as JSON from its standard input.
Spec: runtime-spec, config.md, "POSIX-platform Hooks"; runtime.md, "Lifecycle".
"""

from __future__ import annotations

from minicontainer import explain
from minicontainer.errors import HookFailed
from minicontainer.lib import log
from minicontainer.lib.jsontext import dumps
from minicontainer.lib.processes import run_program

#: failures of these are warned of and change nothing: runtime.md, "Lifecycle"
FORGIVEN = ("poststart", "poststop")


def run_hooks(hooks: dict, kind: str, state: dict) -> None:
    """Run the hooks of one kind ("prestart", …), one after the other, in order.

    `hooks` is that part of config.json, {kind: [hook, …]}; a kind may be
    missing. Each hook is called by its kind and place, as in "prestart[0]",
    and gets `state` as JSON on its standard input. When one fails, the next
    ones do not run and its failure is raised; but a failing "poststart" or
    "poststop" hook is only warned of, and the next one runs.

    Raises HookFailed. Spec: runtime-spec, runtime.md, "Lifecycle";
    config.md, "POSIX-platform Hooks".
    """
    for number, hook in enumerate(hooks.get(kind, [])):
        try:
            run_hook(f"{kind}[{number}]", hook, dumps(state).encode())
        except HookFailed as failure:
            if kind not in FORGIVEN:
                raise
            log.warn(failure.one_line)


def run_hook(name: str, hook: dict, stdin: bytes) -> None:
    """Run one hook, called `name` in messages, and wait for it, at most `timeout` seconds.

    Raises HookFailed for a status other than 0, a timeout, or no such program.
    """
    where = f"hook {name} {hook['path']}"
    explain.step(where, "it reads the state from its standard input")
    args, timeout = hook.get("args") or [hook["path"]], hook.get("timeout")
    env = dict(entry.split("=", 1) for entry in hook.get("env", []) if "=" in entry)
    status = run_program(hook["path"], args, env, stdin, timeout)
    if status is None:
        raise HookFailed(f"still ran after its timeout of {timeout} s", where)
    if status == 127:
        raise HookFailed("could not be started, or ended with status 127", where)
    if status != 0:
        ending = f"status {status}" if status > 0 else f"signal {-status}"
        raise HookFailed(f"ended with {ending}", where)

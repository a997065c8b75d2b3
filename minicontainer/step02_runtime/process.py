"""How does our process become the user's program?

In: `process` of config.json, in a process that is in its namespaces and its
root already. prepare() gives up every right the program shall not have and
finds the program; execute() becomes it.
Spec: runtime-spec, config.md, "Process", "POSIX process", "Linux Process"; credentials(7).
"""

from __future__ import annotations

import _signal
import errno
import os
import stat

from minicontainer import explain, linux
from minicontainer.errors import ContainerError, ProgramNotExecutable, ProgramNotFound
from minicontainer.lib import capabilities


def prepare(process: dict) -> dict:
    """Become the user `process` asks for, with its rights and in its directory.

    Returns {"program": path, "args": …, "env": …} for `execute`.
    Raises ContainerError, among others when the program can't be found.
    """
    env = environment(process)
    sets = {name: capabilities.mask(v) for name, v in process.get("capabilities", {}).items()}
    explain.step("give up rights", "capabilities, user and group, no_new_privs")
    capabilities.drop_bounding(sets.get("bounding", 0))
    become_user(process.get("user", {}))
    enter_directory(process["cwd"])
    names = ("effective", "permitted", "inheritable", "ambient")
    capabilities.set_capabilities(*(sets.get(name, 0) for name in names))
    if process.get("noNewPrivileges"):
        linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    return {"program": find_program(process["args"][0], env), "args": process["args"], "env": env}


def execute(prepared: dict, preserve_fds: int = 0) -> None:
    """Become the program. Returns never; raises ContainerError when the kernel refuses.

    Open files beyond 0, 1, 2 and the `preserve_fds` next ones are closed on
    the way. CPython ignores SIGPIPE and SIGXFSZ, and an ignored signal stays
    ignored over execve(2): the program gets the defaults back.
    """
    for number in (_signal.SIGPIPE, _signal.SIGXFSZ):
        _signal.signal(number, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, [])
    linux.close_range(3 + preserve_fds, flags=linux.CLOSE_RANGE_CLOEXEC)
    try:
        os.execve(prepared["program"], prepared["args"], prepared["env"])
    except OSError as error:
        missing = error.errno == errno.ENOENT
        failure = ProgramNotFound if missing else ProgramNotExecutable
        raise failure(_exec_failure(error), f'exec: "{prepared["program"]}"') from None


def set_limits(pid: int, process: dict) -> None:
    """Set `rlimits` and `oomScoreAdj` of the process `pid`: done from outside, with our rights.

    Raises ContainerError.
    Spec: runtime-spec, config.md, "POSIX process"; prlimit(2), proc_pid_oom_score_adj(5).
    """
    for limit in process.get("rlimits", []):
        _set_rlimit(pid, limit)
    if process.get("oomScoreAdj") is not None:
        _write_oom_score(pid, process["oomScoreAdj"])


def environment(process: dict) -> dict[str, str]:
    """`process.env` as a dict, nothing of our own environment in it; HOME added when missing."""
    env = dict(entry.split("=", 1) for entry in process.get("env", []))
    if not env.get("HOME"):
        env["HOME"] = _home(process.get("user", {}).get("uid", 0))
    return env


def become_user(user: dict) -> None:
    """Take uid, gid, additionalGids and umask; capabilities survive it until they are set.

    Raises ContainerError. Spec: runtime-spec, config.md, "User".
    """
    uid, gid, groups = user.get("uid", 0), user.get("gid", 0), user.get("additionalGids", [])
    os.umask(user.get("umask", 0o022))
    linux.prctl(linux.PR_SET_KEEPCAPS, 1)
    try:
        os.setgroups(groups)
    except PermissionError:
        # a user namespace without newgidmap: setgroups(2) is denied there for good
        if groups:
            why = "this user namespace does not allow additional groups"
            raise ContainerError(why, "process.user.additionalGids") from None
    try:
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    except OSError as error:
        hint = "in a user namespace only ids with a mapping exist: see linux.uidMappings"
        where = f"process.user {uid}:{gid}"
        raise ContainerError(f"cannot become it: {error.strerror}", where, hint) from None
    linux.prctl(linux.PR_SET_KEEPCAPS, 0)


def enter_directory(path: str) -> None:
    """Change to the working directory and make sure that it lies inside the container."""
    try:
        os.chdir(path)
        here = os.getcwd()
    except OSError as error:
        raise ContainerError(f"cannot enter it: {error.strerror}", f"process.cwd {path}") from None
    if not here.startswith("/"):  # "(unreachable)/…": a descriptor of the host led us out
        raise ContainerError("leads out of the container", f"process.cwd {path}")


def find_program(name: str, env: dict[str, str]) -> str:
    """The path of the program `name`: itself when it has a slash, else looked up in $PATH.

    Raises ContainerError in the words that engines look for.
    """
    searched = [os.path.join(place or ".", name) for place in env.get("PATH", "").split(":")]
    failures = []
    for path in [name] if "/" in name else searched:
        failure = _why_not(path)
        if not failure:
            return path
        failures.append(failure)
    if errno.EACCES in failures:
        raise _forbidden(name)
    missing = os.strerror(failures[0]).lower()
    what = missing if "/" in name else "executable file not found in $PATH"
    raise ProgramNotFound(what, f'exec: "{name}"')


def _forbidden(name: str) -> ProgramNotExecutable:
    noexec = os.statvfs("/").f_flag & os.ST_NOEXEC
    hint = "the root filesystem is on a mount with noexec: keep it on another one" if noexec else ""
    return ProgramNotExecutable("permission denied", f'exec: "{name}"', hint)


def _why_not(path: str) -> int:
    """0 when `path` is a file that we may execute, else the error number."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        return error.errno or errno.ENOENT
    if stat.S_ISDIR(mode) or not os.access(path, os.X_OK):
        return errno.EACCES
    return 0


def _exec_failure(error: OSError) -> str:
    if error.errno == errno.ENOEXEC:
        return "exec format error: no program for this machine, or a script without #!"
    if error.errno == errno.ENOENT:
        return (
            "no such file or directory: the file is there, so its loader or interpreter is missing"
        )
    return (error.strerror or str(error)).lower()


def _home(uid: int) -> str:
    """The home directory of `uid` in the container's /etc/passwd; / when it has none."""
    try:
        with open("/etc/passwd", errors="replace") as file:
            for line in file:
                fields = line.rstrip("\n").split(":")
                if len(fields) > 5 and fields[2] == str(uid) and fields[5]:
                    return fields[5]
    except OSError:
        pass
    return "/"


def _set_rlimit(pid: int, limit: dict) -> None:
    import resource

    number = getattr(resource, limit["type"], None)
    if number is None:
        raise ContainerError("unknown resource limit", limit["type"])
    soft, hard = (-1 if limit[name] >= 2**63 else limit[name] for name in ("soft", "hard"))
    try:
        resource.prlimit(pid, number, (soft, hard))
    except (OSError, ValueError) as error:
        why = f"cannot set it to {limit['soft']}, {limit['hard']}: {error}"
        raise ContainerError(why, limit["type"]) from None


def _write_oom_score(pid: int, score: int) -> None:
    path = f"/proc/{pid}/oom_score_adj"
    try:
        with open(path, "r+") as file:
            if int(file.read()) != score:
                file.seek(0)
                file.write(str(score))
    except OSError as error:
        raise ContainerError(f"cannot set it to {score}: {error.strerror}", path) from None

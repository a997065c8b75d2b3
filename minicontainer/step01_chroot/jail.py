"""How does a process come to live in a directory, and how does it get out again?

In: a root filesystem (rootfs.py). Out: a process whose / it is. First by
chroot, which `escape` undoes; then by namespaces and pivot_root, which leave
nothing outside to go to. Call all but `run` in a process that may be thrown away.
Sources: the man-pages chroot(2), pivot_root(2), mount_namespaces(7),
user_namespaces(7), pid_namespaces(7), wait(2).
"""

from __future__ import annotations

import os
import signal
import warnings  # noqa: F401 - os.execvp imports it, and a new root may have no Python to find it in

from minicontainer import linux


def run(argv: list[str], root: str | None = None) -> int:
    """Run the program `argv[0]` with the arguments `argv`, wait for it, return its exit status.

    A name without a slash is looked up in PATH. The program runs in a child process,
    which enters `root` first if one is given; the caller stays where it is. A program
    ended by signal N counts as 128 + N; one that is not there as 127, one that cannot
    be started as 126, with a line on standard error that names it and says why.
    Whatever happens in the child, it never returns from here. SIGPIPE, which Python
    ignores, has its usual effect on the program; the caller goes on ignoring it.

    Source: wait(2); POSIX shell, "Exit Status for Commands".
    """
    pid = linux.fork()
    if pid == 0:
        try:
            if root is not None:
                enter_root(root)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it; exec keeps that
            os.execvp(argv[0], argv)
        except OSError as problem:
            complain(f"{problem.filename or argv[0]}: {problem.strerror}")
            os._exit(127 if isinstance(problem, FileNotFoundError) else 126)
        finally:
            os._exit(126)  # never go on as a second copy of the caller
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return 128 + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)


def complain(message: str) -> None:
    """Write a line to standard error at once: a forked child must not use buffers."""
    os.write(2, os.fsencode(message) + b"\n")


def enter_root(root: str) -> None:
    """Make `root` the root directory of this process, and go there.

    Without the chdir the process would still stand outside, and ".." leads on.
    Raises OSError; PermissionError without CAP_SYS_CHROOT. Source: chroot(2).
    """
    os.chroot(root)
    os.chdir("/")


def escape() -> None:
    """Leave the chroot we are in: afterwards / is the machine's root again.

    Works because a process has one root, and chroot does not move it there:
    once the root is a directory below us, nothing stops ".." on the way up.
    We may make a directory for this in /, and leave none behind.

    Raises OSError; PermissionError without CAP_SYS_CHROOT. Source: chroot(2), "NOTES".
    """
    os.chdir("/")
    os.mkdir("door")
    os.chroot("door")  # our root is now the door, we stand outside of it
    os.rmdir("door")
    while not os.path.samefile(".", ".."):
        os.chdir("..")
    os.chroot(".")


def mount_private() -> None:
    """Stop mounts from travelling between this mount namespace and the one it was copied from.

    systemd makes / shared, and all that is mounted below it; a copy stays in the same
    peer group, so that what we mount would appear outside too, and the other way round.

    Raises OSError. Source: mount_namespaces(7), "SHARED SUBTREES".
    """
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)


def pivot(new_root: str) -> None:
    """Make `new_root` the root of this mount namespace, and let go of the old one.

    What is mounted below `new_root` comes along. The namespace must be our own and
    private. Afterwards we are in the new /, and the machine's files have no path at
    all here, not even from where we stood: there is nothing to escape to.

    Raises OSError. Source: pivot_root(2), "NOTES" and its example with ".".
    """
    linux.mount(new_root, new_root, None, linux.MS_BIND | linux.MS_REC)  # now a mount point
    os.chdir(new_root)
    linux.pivot_root(".", ".")  # the old root lies on top of the new one
    linux.umount2(".", linux.MNT_DETACH)
    os.chdir("/")


def new_namespaces(flags: int) -> None:
    """Go on in new namespaces, named by CLONE_NEW* flags of linux.py.

    In a new user namespace we are root (uid 0, gid 0), mapped to who we were outside.
    A new pid namespace begins with our next child: then the caller waits here and
    exits as that child does, and it is the child, process 1 there, that returns.
    When the caller dies, the kernel kills that child.

    Raises OSError. Source: unshare(2); user_namespaces(7), "User and group ID
    mappings" and "The /proc/pid/setgroups file"; pid_namespaces(7).
    """
    uid, gid = os.geteuid(), os.getegid()
    linux.unshare(flags)
    if flags & linux.CLONE_NEWUSER:
        write("/proc/self/setgroups", "deny")  # before the kernel accepts a gid map from us
        write("/proc/self/uid_map", f"0 {uid} 1")
        write("/proc/self/gid_map", f"0 {gid} 1")
    if flags & linux.CLONE_NEWPID:
        pid = linux.fork(child_goes_on=True)
        if pid != 0:
            exit_like(pid)
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)  # not to outlive the caller


def write(path: str, text: str) -> None:
    """Write `text` to the file `path` of /proc in one piece, as the kernel wants it."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    except OSError as problem:
        raise OSError(problem.errno, problem.strerror, path) from None
    finally:
        os.close(fd)


def exit_like(pid: int) -> None:
    """Wait for the child `pid`, then end this process with its exit status."""
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)

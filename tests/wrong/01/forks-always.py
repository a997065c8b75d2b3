"""new_namespaces: forks-always"""


def new_namespaces(flags):
    uid, gid = os.geteuid(), os.getegid()
    linux.unshare(flags)
    if flags & linux.CLONE_NEWUSER:
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", f"0 {uid} 1")
        write("/proc/self/gid_map", f"0 {gid} 1")
    pid = os.fork()
    if pid != 0:
        exit_like(pid)
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)

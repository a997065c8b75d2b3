"""new_namespaces: goes-on-in-the-old-ones"""


def new_namespaces(flags):
    uid, gid = os.geteuid(), os.getegid()
    try:
        linux.unshare(flags)
    except OSError:
        return
    if flags & linux.CLONE_NEWUSER:
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", f"0 {uid} 1")
        write("/proc/self/gid_map", f"0 {gid} 1")
    if flags & linux.CLONE_NEWPID:
        pid = os.fork()
        if pid != 0:
            exit_like(pid)
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)

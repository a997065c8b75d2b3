"""new_namespaces: caller-returns-too"""


def new_namespaces(flags):
    uid, gid = os.geteuid(), os.getegid()
    linux.unshare(flags)
    if flags & linux.CLONE_NEWUSER:
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", f"0 {uid} 1")
        write("/proc/self/gid_map", f"0 {gid} 1")
    if flags & linux.CLONE_NEWPID:
        os.fork()

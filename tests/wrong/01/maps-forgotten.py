"""new_namespaces: maps-forgotten"""


def new_namespaces(flags):
    linux.unshare(flags)
    if flags & linux.CLONE_NEWPID:
        pid = os.fork()
        if pid != 0:
            exit_like(pid)
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)

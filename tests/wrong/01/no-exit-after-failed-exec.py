"""run: no-exit-after-failed-exec"""


def run(argv, root=None):
    pid = os.fork()
    if pid == 0:
        if root is not None:
            enter_root(root)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.execvp(argv[0], argv)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return 128 + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)

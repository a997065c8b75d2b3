"""run: caller-enters-root"""


def run(argv, root=None):
    if root is not None:
        enter_root(root)
    pid = os.fork()
    if pid == 0:
        try:
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.execvp(argv[0], argv)
        except OSError as problem:
            complain(f"{argv[0]}: {problem.strerror}")
            os._exit(127 if isinstance(problem, FileNotFoundError) else 126)
        finally:
            os._exit(126)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return 128 + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)

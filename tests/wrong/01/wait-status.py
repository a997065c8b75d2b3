"""run: wait-status"""


def run(argv, root=None):
    pid = os.fork()
    if pid == 0:
        try:
            if root is not None:
                enter_root(root)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.execvp(argv[0], argv)
        except OSError as problem:
            complain(f"{argv[0]}: {problem.strerror}")
            os._exit(127 if isinstance(problem, FileNotFoundError) else 126)
        finally:
            os._exit(126)
    _, status = os.waitpid(pid, 0)
    return status

"""run: says-nothing"""


def run(argv, root=None):
    pid = os.fork()
    if pid == 0:
        try:
            if root is not None:
                enter_root(root)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.execvp(argv[0], argv)
        except FileNotFoundError:
            os._exit(127)
        except BaseException:
            os._exit(126)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return 128 + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)

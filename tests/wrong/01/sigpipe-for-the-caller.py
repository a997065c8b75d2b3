"""run: sigpipe-for-the-caller"""


def run(argv, root=None):
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        try:
            if root is not None:
                enter_root(root)
            os.execvp(argv[0], argv)
        except FileNotFoundError as error:
            complain(f"{argv[0]}: {error.strerror}")
            os._exit(127)
        except BaseException as error:
            complain(f"{argv[0]}: {error}")
            os._exit(126)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return 128 + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)

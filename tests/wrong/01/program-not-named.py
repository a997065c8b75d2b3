"""run: program-not-named"""


def run(argv, root=None):
    pid = os.fork()
    if pid == 0:
        try:
            if root is not None:
                enter_root(root)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.execvp(argv[0], argv)
        except FileNotFoundError as error:
            complain(str(error))
            os._exit(127)
        except BaseException as error:
            complain(f"{argv[0]}: {error}")
            os._exit(126)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return 128 + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)

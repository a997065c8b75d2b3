"""run_bundle: signal-forgotten"""

import os


def run_bundle(root, identity, bundle, terminal):
    with Foreground(terminal) as foreground:
        console = foreground.console
        pid = lifecycle.create(root, identity, bundle, console_socket=console, die_with_parent=True)
        try:
            lifecycle.start(root, identity)
            _, status = os.waitpid(pid, 0)
            return os.WEXITSTATUS(status)
        finally:
            lifecycle.delete(root, identity, force=True)

"""run_bundle: signals-not-passed-on"""

import os


def run_bundle(root, identity, bundle, terminal):
    console = None
    pid = lifecycle.create(root, identity, bundle, console_socket=console, die_with_parent=True)
    try:
        lifecycle.start(root, identity)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return status if status >= 0 else 128 - status
    finally:
        lifecycle.delete(root, identity, force=True)

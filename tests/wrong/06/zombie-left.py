"""run_bundle: zombie-left"""

import os
import time


def run_bundle(root, identity, bundle, terminal):
    with Foreground(terminal) as foreground:
        console = foreground.console
        pid = lifecycle.create(root, identity, bundle, console_socket=console, die_with_parent=True)
        try:
            lifecycle.start(root, identity)
            while lifecycle.state(root, identity)["status"] != "stopped":
                time.sleep(0.01)
            status = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            return status.si_status if status.si_code == os.CLD_EXITED else 128 + status.si_status
        finally:
            lifecycle.delete(root, identity, force=True)

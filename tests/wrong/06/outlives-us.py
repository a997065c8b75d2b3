"""run_bundle: outlives-us"""


def run_bundle(root, identity, bundle, terminal):
    with Foreground(terminal) as foreground:
        console = foreground.console
        pid = lifecycle.create(root, identity, bundle, console_socket=console)
        try:
            lifecycle.start(root, identity)
            return foreground.stay(pid)
        finally:
            lifecycle.delete(root, identity, force=True)

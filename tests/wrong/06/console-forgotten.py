"""run_bundle: console-forgotten"""


def run_bundle(root, identity, bundle, terminal):
    with Foreground() as foreground:
        console = foreground.console
        pid = lifecycle.create(root, identity, bundle, console_socket=console, die_with_parent=True)
        try:
            lifecycle.start(root, identity)
            return foreground.stay(pid)
        finally:
            lifecycle.delete(root, identity, force=True)

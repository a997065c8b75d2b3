"""run_bundle: not-waited-for"""


def run_bundle(root, identity, bundle, terminal):
    with Foreground(terminal) as foreground:
        console = foreground.console
        pid = lifecycle.create(root, identity, bundle, console_socket=console, die_with_parent=True)
        try:
            lifecycle.start(root, identity)
            return None
        finally:
            lifecycle.delete(root, identity, force=True)

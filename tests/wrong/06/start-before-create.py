"""run_bundle: start-before-create"""


def run_bundle(root, identity, bundle, terminal):
    with Foreground(terminal) as foreground:
        console = foreground.console
        lifecycle.start(root, identity)
        pid = lifecycle.create(root, identity, bundle, console_socket=console, die_with_parent=True)
        try:
            return foreground.stay(pid)
        finally:
            lifecycle.delete(root, identity, force=True)

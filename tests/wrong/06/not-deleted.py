"""run_bundle: not-deleted"""


def run_bundle(root, identity, bundle, terminal):
    with Foreground(terminal) as foreground:
        console = foreground.console
        pid = lifecycle.create(root, identity, bundle, console_socket=console, die_with_parent=True)
        lifecycle.start(root, identity)
        return foreground.stay(pid)

"""run_bundle: not-deleted-after-a-failure"""


def run_bundle(root, identity, bundle, terminal):
    with Foreground(terminal) as foreground:
        console = foreground.console
        pid = lifecycle.create(root, identity, bundle, console_socket=console, die_with_parent=True)
        lifecycle.start(root, identity)
        status = foreground.stay(pid)
        lifecycle.delete(root, identity)
        return status

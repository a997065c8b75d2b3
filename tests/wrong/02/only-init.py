"""kill: only-init"""

def kill(root: str, id: str, signal: str | int = "SIGTERM", all: bool = False) -> None:
    number = signal_number(signal)
    found = state(root, id)
    if found["status"] not in ("created", "running", "paused") and not all:
        raise WrongState(f"cannot kill a container that is {found['status']}", id)
    for pid in [found["pid"]]:
        send_signal(pid, number)

"""kill: all-needs-init"""

def kill(root: str, id: str, signal: str | int = "SIGTERM", all: bool = False) -> None:
    number = signal_number(signal)
    found = state(root, id)
    if found["status"] not in ("created", "running", "paused"):
        raise WrongState(f"cannot kill a container that is {found['status']}", id)
    for pid in processes(load(root, id)) if all else [found["pid"]]:
        send_signal(pid, number)

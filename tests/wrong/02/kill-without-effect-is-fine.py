"""kill: kill-without-effect-is-fine"""

def kill(root: str, id: str, signal: str | int = "SIGTERM", all: bool = False) -> None:
    number = signal_number(signal)
    found = state(root, id)
    if found["status"] not in ("created", "running", "paused") and not all:
        return
    for pid in processes(load(root, id)) if all else [found["pid"]]:
        send_signal(pid, number)

"""kill: pid-0"""

def kill(root: str, id: str, signal: str | int = "SIGTERM", all: bool = False) -> None:
    number = signal_number(signal)
    found = state(root, id)
    for pid in processes(load(root, id)) if all else [found["pid"]]:
        send_signal(pid, number)

"""kill: name-without-sig"""

def kill(root: str, id: str, signal: str | int = "SIGTERM", all: bool = False) -> None:
    if str(signal).isdigit():
        number = int(signal)
    else:
        number = getattr(_signal, signal, 0)
        if not number:
            raise ContainerError("unknown signal", signal)
    found = state(root, id)
    if found["status"] not in ("created", "running", "paused") and not all:
        raise WrongState(f"cannot kill a container that is {found['status']}", id)
    for pid in processes(load(root, id)) if all else [found["pid"]]:
        send_signal(pid, number)

"""kill: number-as-text"""

def kill(root: str, id: str, signal: str | int = "SIGTERM", all: bool = False) -> None:
    number = signal
    if isinstance(signal, str):
        name = signal if signal.startswith("SIG") else "SIG" + signal
        number = getattr(_signal, name, 0)
    if not 0 < number < 65:
        raise ContainerError("unknown signal", name)
    found = state(root, id)
    if found["status"] not in ("created", "running", "paused") and not all:
        raise WrongState(f"cannot kill a container that is {found['status']}", id)
    for pid in processes(load(root, id)) if all else [found["pid"]]:
        send_signal(pid, number)

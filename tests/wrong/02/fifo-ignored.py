"""state: fifo-ignored"""

def state(root: str, id: str) -> dict:
    record = load(root, id)
    init = record["init"]
    if not is_alive(init or record["creator"]):
        status = "stopped"
    elif init is None:
        status = "creating"
    else:
        status = "paused" if cgroups.is_frozen(record["cgroup"]) else "running"
    return public_state(record, status)

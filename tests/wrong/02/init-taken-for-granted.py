"""state: init-taken-for-granted"""

def state(root: str, id: str) -> dict:
    record = load(root, id)
    init = record["init"]
    if not is_alive(init):
        status = "stopped"
    elif init is None:
        status = "creating"
    elif os.path.exists(fifo_path(root, id)):
        status = "created"
    else:
        status = "paused" if cgroups.is_frozen(record["cgroup"]) else "running"
    return public_state(record, status)

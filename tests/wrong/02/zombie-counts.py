"""state: zombie-counts"""

def pid_exists(process):
    try:
        os.kill(process["pid"], 0)
    except ProcessLookupError:
        return False
    return True


def state(root: str, id: str) -> dict:
    record = load(root, id)
    init = record["init"]
    if not pid_exists(init or record["creator"]):
        status = "stopped"
    elif init is None:
        status = "creating"
    elif os.path.exists(fifo_path(root, id)):
        status = "created"
    else:
        status = "paused" if cgroups.is_frozen(record["cgroup"]) else "running"
    return public_state(record, status)

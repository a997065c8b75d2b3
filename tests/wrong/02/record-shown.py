"""state: record-shown"""

def state(root: str, id: str) -> dict:
    record = load(root, id)
    init = record["init"]
    if not is_alive(init or record["creator"]):
        status = "stopped"
    elif init is None:
        status = "creating"
    elif os.path.exists(fifo_path(root, id)):
        status = "created"
    else:
        status = "paused" if cgroups.is_frozen(record["cgroup"]) else "running"
    record["pid"] = init["pid"] if init and status != "stopped" else 0
    record["status"] = status
    return record

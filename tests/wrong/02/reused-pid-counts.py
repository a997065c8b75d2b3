"""state: reused-pid-counts"""

def runs(process):
    try:
        with open(f"/proc/{process['pid']}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def state(root: str, id: str) -> dict:
    record = load(root, id)
    init = record["init"]
    if not runs(init or record["creator"]):
        status = "stopped"
    elif init is None:
        status = "creating"
    elif os.path.exists(fifo_path(root, id)):
        status = "created"
    else:
        status = "paused" if cgroups.is_frozen(record["cgroup"]) else "running"
    return public_state(record, status)

"""state: paused-unnoticed"""

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
        status = "running"
    return public_state(record, status)

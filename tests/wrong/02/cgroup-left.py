"""delete: cgroup-left"""

def delete(root: str, id: str, force: bool = False) -> None:
    try:
        record = load(root, id)
    except ContainerError:
        if not force:
            raise
        remove(root, id)
        return
    status = state(root, id)["status"]
    if status != "stopped" and not force:
        hint = f"`minirunc kill {id} KILL` stops it, `minirunc delete --force {id}` does both"
        raise WrongState(f"cannot delete a container that is {status}", id, hint)
    if status != "stopped":
        send_signal(record["init"]["pid"], 9)
    remove(root, id)
    run_hooks(record["config"].get("hooks", {}), "poststop", public_state(record, "stopped"))

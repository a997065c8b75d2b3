"""delete: damaged-stays"""

def delete(root: str, id: str, force: bool = False) -> None:
    try:
        record = load(root, id)
    except ContainerError:
        if not force:
            raise
        return
    status = state(root, id)["status"]
    if status != "stopped" and not force:
        hint = f"`minirunc kill {id} KILL` stops it, `minirunc delete --force {id}` does both"
        raise WrongState(f"cannot delete a container that is {status}", id, hint)
    destroy(root, record)
    run_hooks(record["config"].get("hooks", {}), "poststop", public_state(record, "stopped"))

"""delete: running-deleted"""

def delete(root: str, id: str, force: bool = False) -> None:
    try:
        record = load(root, id)
    except ContainerError:
        if not force:
            raise
        remove(root, id)
        return
    status = state(root, id)["status"]
    destroy(root, record)
    run_hooks(record["config"].get("hooks", {}), "poststop", public_state(record, "stopped"))

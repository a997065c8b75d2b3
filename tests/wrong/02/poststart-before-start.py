"""start: poststart-before-start"""

def start(root: str, id: str) -> None:
    found = state(root, id)
    if found["status"] != "created":
        raise WrongState(f"cannot start a container that is {found['status']}", id)
    hooks = load(root, id)["config"].get("hooks", {})
    run_hooks(hooks, "poststart", {**found, "status": "running"})
    wake_init(root, id, found["pid"])

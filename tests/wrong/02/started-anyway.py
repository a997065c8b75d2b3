"""start: started-anyway"""

def start(root: str, id: str) -> None:
    found = state(root, id)
    wake_init(root, id, found["pid"])
    hooks = load(root, id)["config"].get("hooks", {})
    run_hooks(hooks, "poststart", {**found, "status": "running"})

"""start: poststart-forgotten"""

def start(root: str, id: str) -> None:
    found = state(root, id)
    if found["status"] != "created":
        raise WrongState(f"cannot start a container that is {found['status']}", id)
    wake_init(root, id, found["pid"])
